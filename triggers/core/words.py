"""Stored reasons put into the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext


def say(text: str, data: Mapping[str, Any], zone: ZoneInfo | None = None) -> str:
    """The sentence for a reason's message id and values.

    Values under names that end in `_at` are ISO moments and are shown in `zone` (default: the active one); a value
    that is itself `{"text": …, "data": …}` is a reason within the reason. A text that does not fit its values (an
    older release wrote it) is shown bare rather than not at all.
    """
    try:
        shown = {name: _show(name, value, zone) for name, value in data.items()}
        # Without values a text is no pattern: a provider's "50 % full" stays as it is.
        return gettext(text) % shown if shown else gettext(text)
    except (AttributeError, KeyError, ValueError, TypeError):
        return gettext(text)


def _show(name: str, value: Any, zone: ZoneInfo | None) -> str:
    if isinstance(value, Mapping) and "text" in value:
        return say(value["text"], value.get("data", {}), zone)
    if name.endswith("_at") and isinstance(value, str):
        return date_format(localtime(datetime.fromisoformat(value), zone), "DATETIME_FORMAT")
    if value is None or value == [] or (name == "seen" and value == ""):
        return gettext("nothing")
    if isinstance(value, list | tuple):
        return ", ".join(_show("", one, zone) for one in value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(value)
