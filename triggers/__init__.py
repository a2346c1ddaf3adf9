"""Triggered e-mail and SMS for Django shops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triggers.batch.events import capture_many as capture_many
    from triggers.capturing import capture as capture

__version__ = "0.1.0.dev0"


def __getattr__(name: str) -> Any:
    """`capture` and `capture_many` on first use: importing them earlier would load models before the apps are ready."""
    if name == "capture":
        from triggers.capturing import capture

        return capture
    if name == "capture_many":
        from triggers.batch.events import capture_many

        return capture_many
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
