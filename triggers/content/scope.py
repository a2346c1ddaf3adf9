"""The state of one filling of a template: its names, what was written, and what may still be spent."""

from __future__ import annotations

import time
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from triggers.conf import settings
from triggers.content.deadline import too_slow
from triggers.content.plain import Group, size_of
from triggers.exceptions import RenderError

# Characters and values that filters and comparisons of one message may look at.
MAX_WORK = 2_000_000

CONSTANTS = {"True": True, "False": False, "None": None}


class Scope:
    """Every node charges what it does; `stop()` ends the message for good, even from inside a condition."""

    __slots__ = ("ends_at", "names", "parts", "passes", "room", "stopped", "work")

    def __init__(self, root: Group, ends_at: float) -> None:
        self.ends_at = ends_at
        self.names: dict[str, Any] = {**CONSTANTS, **root._fields}
        self.parts: list[str] = []
        self.room: int = settings.MAX_OUTPUT_CHARS
        self.passes: int = settings.LOOP_BUDGET
        self.work = MAX_WORK
        self.stopped = ""

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.room -= len(text)
        if self.room < 0:
            self.stop(
                _("the result is longer than %(limit)d characters") % {"limit": settings.MAX_OUTPUT_CHARS}
            )

    def charge(self, value: Any) -> None:
        self.work -= size_of(value)
        if self.work < 0:
            self.stop(_("the filters and comparisons of this template have too much to do"))
        if time.monotonic() > self.ends_at:
            self.stop(too_slow())

    def charge_passes(self, passes: int) -> None:
        self.passes -= passes
        if self.passes < 0:
            self.stop(
                _("the loops of this template make more than %(limit)d passes")
                % {"limit": settings.LOOP_BUDGET}
            )

    def stop(self, reason: str) -> NoReturn:
        self.stopped = reason
        raise RenderError(reason)
