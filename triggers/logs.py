"""Lines for the log: a stable action and ids, for people and for machines. Addresses and names of people never go there."""

from __future__ import annotations

import logging
import re
from typing import Any

# E-mail addresses and phone numbers in international form, as databases, servers and shops like to repeat them.
ADDRESS = re.compile(r"\S*@\S*|\+\d[\d ()./-]{4,}\d")


def note(
    logger: logging.Logger, level: int, action: str, *, error: BaseException | None = None, **ids: Any
) -> None:
    """Log `action key=value …`. The record carries `action` and `ids` for formatters that write JSON.

    With an error comes its traceback, without the addresses in its text.
    """
    if not logger.isEnabledFor(level):
        return
    shown = {key: _line(value) if isinstance(value, str) else value for key, value in ids.items()}
    pairs = "".join(f" {key}={value}" for key, value in shown.items())
    extra = {"action": action, "ids": shown}
    logger.log(level, "%s%s", action, pairs, exc_info=error and _anonymous(error), extra=extra, stacklevel=2)


def without_addresses(text: str) -> str:
    """What any log file takes, lone surrogates written out, and without addresses."""
    return ADDRESS.sub("…", text.encode("utf-8", "backslashreplace").decode())


def _line(text: str) -> str:
    """A value that came from outside cannot begin a line of its own."""
    return " ".join(without_addresses(text).split())


def _anonymous(error: BaseException) -> BaseException:
    """The error's traceback under the same name, its text and its causes without addresses."""
    kind = type(error)
    try:
        text = str(error)
    except Exception:
        text = ""
    twin: BaseException = type(kind.__qualname__, (Exception,), {"__module__": kind.__module__})(
        without_addresses(text)
    )
    twin.__cause__ = _anonymous(error.__cause__) if error.__cause__ else None
    return twin.with_traceback(error.__traceback__)
