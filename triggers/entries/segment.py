"""A chain starts when a contact comes into a segment, or leaves it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.events import SEGMENT_ENTERED, SEGMENT_LEFT
from triggers.core.kinds import Admission
from triggers.core.values import EventValue, Reason, Value
from triggers.entries.base import Entry, entries
from triggers.entries.event import ADMISSIONS, REENTRY_LABELS, ReEntry, ReEntryForm

Change = Literal["entered", "left"]
# Those of the event entry that make sense without a cart.
SegmentReEntry = Literal["once", "every_time", "every_days"]
RE_ENTRIES: tuple[ReEntry, ...] = ("once", "every_time", "every_days")

EVENTS: dict[Change, str] = {"entered": SEGMENT_ENTERED, "left": SEGMENT_LEFT}
SENTENCES: dict[Change, str] = {
    "entered": gettext_noop("When a contact comes into the segment “%(segment)s”"),
    "left": gettext_noop("When a contact leaves the segment “%(segment)s”"),
}


class SegmentEntryConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`segment` is a segment's key; `days` belongs to `every_days`."""

    segment: str
    change: Change = "entered"
    re_entry: SegmentReEntry = "once"
    days: Annotated[int, msgspec.Meta(ge=0, le=3660)] = 0

    def __post_init__(self) -> None:
        if not self.segment:
            raise ValueError("which segment?")
        if self.re_entry == "every_days" and not self.days:
            raise ValueError("at most once in how many days?")


class SegmentEntryForm(ReEntryForm):
    segment = forms.ChoiceField(label=_("Segment"))
    change = forms.ChoiceField(
        label=_("When a contact"),
        choices=[("entered", _("comes in")), ("left", _("leaves"))],
        initial="entered",
    )
    re_entry = forms.ChoiceField(
        label=_("A contact may enter"), choices=[(key, REENTRY_LABELS[key]) for key in RE_ENTRIES]
    )
    field_order = ["segment", "change", "re_entry", "days"]

    def use_context(self) -> None:
        self.fields["segment"].choices = self.context.segments  # type: ignore[attr-defined]


@entries.register
class SegmentEntry(Entry):
    """Who is inside when the chain goes live does not enter; who comes and goes is looked at every few minutes."""

    key = "segment"
    label = _("A contact comes into a segment or leaves it")
    Config = SegmentEntryConfig
    form_class = SegmentEntryForm

    def event_names(self, config: SegmentEntryConfig) -> tuple[str, ...]:
        return (EVENTS[config.change],)

    def admit(self, config: SegmentEntryConfig, event: EventValue, wait_scale: float) -> Admission | None:
        if event.name != EVENTS[config.change] or event.data.get("segment") != config.segment:
            return None
        return ADMISSIONS[config.re_entry](event, timedelta(days=config.days) * wait_scale)

    def describe(self, config: SegmentEntryConfig) -> Reason:
        return Reason(SENTENCES[config.change], {"segment": config.segment})
