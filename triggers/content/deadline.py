"""The time that one letter may take to be made, by the process's own clock.

Nothing is interrupted: it is looked at where work is counted. What the shop's own code hangs in for ever is ended by
whoever watches the process, and then counts as a crash.
"""

from __future__ import annotations

import time

from django.utils.translation import gettext as _

from triggers.conf import settings
from triggers.exceptions import RenderError


def new_deadline() -> float:
    """The moment, as `time.monotonic()` counts, by which a letter that is begun now must be ready."""
    return time.monotonic() + float(settings.RENDER_SECONDS)


def check(ends_at: float) -> None:
    """Raises RenderError when the time is over."""
    if time.monotonic() > ends_at:
        raise RenderError(too_slow())


def too_slow() -> str:
    return _("it took longer than %(limit)g seconds") % {"limit": settings.RENDER_SECONDS}
