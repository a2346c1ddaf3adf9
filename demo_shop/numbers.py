"""The two numbers that whoever starts the demo may choose, as text from the environment or the command line."""

from __future__ import annotations


def port_of(text: str) -> int:
    """Raises ValueError with a sentence for the person who typed it."""
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise ValueError(f"PORT must be a whole number from 1 to 65535, not {text!r}.")
    return port


def wait_scale_of(text: str) -> float:
    """Factor on every wait; 1 is real time. Raises ValueError with a sentence for the person who typed it."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise ValueError(f"WAIT_SCALE must be a number above 0, at most 1, not {text!r}.")
    return scale
