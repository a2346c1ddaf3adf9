"""A chain starts when the shop announces something that is about nobody in particular: a sale began."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.events import EVENT_NAME
from triggers.core.payload import PayloadFilter, matches
from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.fanned import FannedEntry
from triggers.forms import AudienceForm, FiltersField, filter_line


class AnnouncementConfig(Value, frozen=True, forbid_unknown_fields=True):
    """Announcements called `event` whose data fit; everybody in the `segment` gets one."""

    event: str
    filters: tuple[PayloadFilter, ...] = ()
    segment: str = ""

    def __post_init__(self) -> None:
        if not EVENT_NAME.match(self.event):
            raise ValueError(f"{self.event!r} is not an event name")


class AnnouncementForm(AudienceForm):
    event = forms.RegexField(
        EVENT_NAME,
        label=_("Event"),
        max_length=64,
        help_text=_("As the shop's code announces it: sale_started."),
    )
    filters = FiltersField(label=_("Only events whose data fit"), required=False)
    field_order = ["event", "filters", "segment"]


@entries.register
class AnnouncementEntry(FannedEntry):
    key = "announcement"
    label = _("An announcement of the shop")
    max_lateness = timedelta(days=1)
    Config = AnnouncementConfig
    form_class = AnnouncementForm

    def event_name(self, config: AnnouncementConfig) -> str:
        return config.event

    def accepts(self, config: AnnouncementConfig, name: str, data: dict[str, Any]) -> bool:
        """Whether the chain waits for this announcement."""
        return name == config.event and matches(config.filters, data)

    def describe(self, config: AnnouncementConfig) -> Reason:
        filters = "".join(f" [{filter_line(one)}]" for one in config.filters)
        return Reason(
            gettext_noop("When the shop announces %(event)s%(filters)s"),
            {"event": config.event, "filters": filters},
        )
