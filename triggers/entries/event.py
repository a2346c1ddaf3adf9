"""A chain starts when an event of the contact is captured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.events import EVENT_NAME
from triggers.core.kinds import Admission
from triggers.core.payload import PayloadFilter, matches
from triggers.core.values import EventValue, Reason, Value
from triggers.entries.base import Entry, entries
from triggers.forms import FiltersField, KindForm, filter_line

ReEntry = Literal["once", "per_object", "every_time", "every_days", "restart"]

REENTRY_LABELS: dict[ReEntry, Any] = {
    "once": _("once for ever"),
    "per_object": _("once for each cart, order or product"),
    "every_time": _("every time, unless still inside"),
    "every_days": _("at most once in … days"),
    "restart": _("every time; starts again while nothing has been sent yet"),
}


class EventEntryConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`days` belongs to `every_days`; with `restart` it is a rest after the last entry (0: none)."""

    event: str
    filters: tuple[PayloadFilter, ...] = ()
    re_entry: ReEntry = "once"
    days: Annotated[int, msgspec.Meta(ge=0, le=3660)] = 0

    def __post_init__(self) -> None:
        if not EVENT_NAME.match(self.event):
            raise ValueError(f"{self.event!r} is not an event name")
        if self.re_entry == "every_days" and not self.days:
            raise ValueError("at most once in how many days?")


class ReEntryForm(KindForm):
    """How often a contact may enter, for triggers that are events of its own."""

    re_entry = forms.ChoiceField(label=_("A contact may enter"), choices=list(REENTRY_LABELS.items()))
    days = forms.IntegerField(label=_("Days"), min_value=0, max_value=3660, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("re_entry") == "every_days" and not data.get("days"):
            raise ValidationError({"days": _("Say in how many days.")})
        return data


class EventEntryForm(ReEntryForm):
    event = forms.RegexField(EVENT_NAME, label=_("Event"), max_length=64)
    filters = FiltersField(label=_("Only events whose data fit"), required=False)
    field_order = ["event", "filters", "re_entry", "days"]


@entries.register
class EventEntry(Entry):
    key = "event"
    label = _("An event")
    Config = EventEntryConfig
    form_class = EventEntryForm

    def event_names(self, config: EventEntryConfig) -> tuple[str, ...]:
        return (config.event,)

    def admit(self, config: EventEntryConfig, event: EventValue, wait_scale: float) -> Admission | None:
        if event.name != config.event or not matches(config.filters, event.data):
            return None
        return ADMISSIONS[config.re_entry](event, timedelta(days=config.days) * wait_scale)

    def describe(self, config: EventEntryConfig) -> Reason:
        filters = "".join(f" [{filter_line(one)}]" for one in config.filters)
        return Reason(gettext_noop("When %(event)s%(filters)s"), {"event": config.event, "filters": filters})


def _once(event: EventValue, gap: timedelta) -> Admission:
    return Admission("")


def _per_object(event: EventValue, gap: timedelta) -> Admission:
    return Admission(event.object_ref)


def _every_time(event: EventValue, gap: timedelta) -> Admission:
    return Admission(event.uid)


def _every_days(event: EventValue, gap: timedelta) -> Admission:
    return Admission(event.uid, min_gap=gap)


def _restart(event: EventValue, gap: timedelta) -> Admission:
    return Admission(event.uid, min_gap=gap or None, restarts=True)


ADMISSIONS: dict[ReEntry, Callable[[EventValue, timedelta], Admission]] = {
    "once": _once,
    "per_object": _per_object,
    "every_time": _every_time,
    "every_days": _every_days,
    "restart": _restart,
}
