"""A chain starts when nothing has been heard of a contact for some days: no visit, no order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.events import EVENT_NAME
from triggers.core.schedule import resolve_local, zone_of
from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.fanned import Occasion, Slot
from triggers.entries.schedule import Clock
from triggers.entries.timed import TimedEntry, every_day, wall_of
from triggers.forms import AudienceForm, clock_field

if TYPE_CHECKING:
    from django.db.models import QuerySet

VISITS = ("login", "page_view", "view_item", "search", "add_to_cart", "begin_checkout", "purchase")
ORDERS = ("purchase",)
SETS = {"visit": VISITS, "order": ORDERS}


class InactivityConfig(Value, frozen=True, forbid_unknown_fields=True):
    """None of `events` for `days`, looked at every day `at` a time. `is_retroactive`: also who is silent for longer already."""

    events: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=20)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    at: Clock = "10:00"
    is_retroactive: bool = False
    segment: str = ""

    def __post_init__(self) -> None:
        for name in self.events:
            if not EVENT_NAME.match(name):
                raise ValueError(f"{name!r} is not an event name")


class InactivityForm(AudienceForm):
    what = forms.ChoiceField(
        label=_("Nothing heard"),
        choices=[("visit", _("no visit")), ("order", _("no order")), ("events", _("none of these events"))],
    )
    events = forms.CharField(
        label=_("Events"), max_length=400, required=False, help_text=_("With commas between them.")
    )
    days = forms.IntegerField(label=_("for … days"), min_value=1, max_value=3660, initial=30)
    at = clock_field(label=_("looked at every day at"), initial="10:00")
    is_retroactive = forms.BooleanField(
        label=_("Also those who are silent for longer already"),
        required=False,
        help_text=_(
            "They all enter with the first look. Before you publish, the page says how many they are."
        ),
    )
    field_order = ["what", "events", "days", "at", "is_retroactive", "segment"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("what") == "events":
            names = [name.strip() for name in data.get("events", "").split(",") if name.strip()]
            wrong = [name for name in names if not EVENT_NAME.match(name)]
            if wrong or not names:
                text = _("“%(event)s” is not an event name.") if wrong else _("Name at least one event.")
                params = {"event": wrong[0]} if wrong else {}
                self.add_error("events", ValidationError(text, params=params))
            data["events"] = names
        return data

    def as_config(self) -> dict[str, Any]:
        given = self.cleaned_data
        config: dict[str, Any] = {
            "events": list(SETS.get(given["what"], given["events"])),
            "days": given["days"],
            "at": f"{given['at']:%H:%M}",
        }
        config |= {"is_retroactive": True} if given["is_retroactive"] else {}
        return config | ({"segment": given["segment"]} if given["segment"] else {})

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        events = tuple(config.get("events", ()))
        known = {names: key for key, names in SETS.items()}
        what = known.get(events, "events" if events else "visit")
        return {**config, "what": what, "events": ", ".join(events) if what == "events" else ""}


@entries.register
class InactivityEntry(TimedEntry):
    """Once for each spell of silence: its name is the moment of the last event before it.

    A silence begins with an event: of whom nothing was ever heard, nothing can have stopped.
    """

    key = "inactivity"
    label = _("Silence")
    event = "became_inactive"
    Config = InactivityConfig
    form_class = InactivityForm

    def walls(self, config: InactivityConfig, first: datetime, last: datetime) -> Iterator[datetime]:
        return every_day(config.at, first, last)

    def choose(
        self, config: InactivityConfig, occasion: Occasion, contacts: QuerySet[Any], events: QuerySet[Any]
    ) -> QuerySet[Any]:
        until = occasion.at - timedelta(days=config.days)
        heard = events.filter(contact=OuterRef("pk"), name__in=config.events)
        last = heard.order_by("-recorded_at").values("recorded_at")[:1]
        silent: QuerySet[Any] = contacts.filter(~Exists(heard.filter(recorded_at__gt=until)))
        if config.is_retroactive:
            told = events.filter(contact=OuterRef("pk"), name=self.event, data__trigger=occasion.trigger)
            silent = silent.annotate(mark=Subquery(last)).filter(mark__isnull=False)
            untold: QuerySet[Any] = silent.filter(~Exists(told.filter(recorded_at__gt=OuterRef("mark"))))
            return untold
        # Exactly those whose time became full since the look of the day before.
        before = resolve_local(wall_of(occasion) - timedelta(days=1), zone_of(occasion.zone))
        since = before - timedelta(days=config.days)
        silent = silent.filter(Exists(heard.filter(recorded_at__gt=since, recorded_at__lte=until)))
        new: QuerySet[Any] = silent.annotate(mark=Subquery(last))
        return new

    def slot(self, config: InactivityConfig, occasion: Occasion, mark: datetime) -> Slot:
        return Slot(mark.isoformat(timespec="milliseconds"), occasion.at)

    def looks_back(self, config: InactivityConfig) -> float:
        return inf if config.is_retroactive else config.days + 2.0

    def describe(self, config: InactivityConfig) -> Reason:
        data = {"days": config.days, "events": list(config.events)}
        if config.events == ORDERS:
            return Reason(gettext_noop("When there was no order for %(days)s days"), data)
        if config.events == VISITS:
            return Reason(gettext_noop("When there was no visit for %(days)s days"), data)
        return Reason(gettext_noop("When there was none of %(events)s for %(days)s days"), data)
