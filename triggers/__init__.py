"""Triggered e-mail and SMS for Django shops."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triggers.batch.events import capture_many as capture_many
    from triggers.capturing import capture as capture
    from triggers.engine.announce import announce as announce
    from triggers.engine.announce import goods_changed as goods_changed
    from triggers.engine.enter import enter as enter
    from triggers.engine.enter import enter_segment as enter_segment
    from triggers.identity import identify as identify

__version__ = "0.1.0.dev0"

# What shops call, by the module that has it.
PUBLIC = {
    "announce": "triggers.engine.announce",
    "capture": "triggers.capturing",
    "capture_many": "triggers.batch.events",
    "enter": "triggers.engine.enter",
    "enter_segment": "triggers.engine.enter",
    "goods_changed": "triggers.engine.announce",
    "identify": "triggers.identity",
}


def __getattr__(name: str) -> Any:
    """The public functions on first use: importing them earlier would load models before the apps are ready."""
    if name in PUBLIC:
        return getattr(import_module(PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
