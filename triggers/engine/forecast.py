"""Before a chain is published: when its trigger comes next, and how many contacts that would let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings as django_settings

from triggers.core.schedule import zone_of
from triggers.engine.audience import contacts_in
from triggers.engine.fan_out import read_page
from triggers.engine.plan import zones_in_use
from triggers.engine.shards import read_clock
from triggers.entries import Entry, TimedEntry
from triggers.entries.timed import occasions
from triggers.models import Contact, Event

# How far ahead the next occasion is looked for.
AHEAD = timedelta(days=366)
# Contacts of each zone that are looked at one by one; more are counted by the database.
MOST_READ = 1000


@dataclass(frozen=True, slots=True)
class Forecast:
    """`wall` is the next occasion on everybody's own clock; None: none within a year. `contacts` would enter if it were now."""

    wall: datetime | None
    contacts: int


def forecast(kind: Entry, config: Any) -> Forecast | None:
    """What would come of the next occasion; None for kinds without a calendar. A few statements for each time zone."""
    if not isinstance(kind, TimedEntry):
        return None
    now = read_clock()
    local = now.astimezone(zone_of(django_settings.TIME_ZONE)).replace(tzinfo=None)
    wall = next(iter(kind.walls(config, local, local + AHEAD)), None)
    if wall is None:
        return Forecast(None, 0)
    return Forecast(wall, sum(_entering(kind, config, zone, wall) for zone in zones_in_use()))


def _entering(kind: TimedEntry, config: Any, zone: str, wall: datetime) -> int:
    (occasion,) = occasions(kind, config, zone, [wall], django_settings.TIME_ZONE)
    contacts = contacts_in(config.segment) if config.segment else Contact.objects.all()
    chosen = kind.choose(config, occasion, contacts.filter(time_zone=zone), Event.objects.all())
    page = read_page(chosen, MOST_READ)
    if len(page) == MOST_READ:
        return chosen.count()
    return sum(kind.slot(config, occasion, mark) is not None for mark in page.values())
