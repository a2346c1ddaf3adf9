"""Names of events that a chain waits for and nobody sends: a typing error would otherwise wait for ever, silently."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _

from triggers.admin.choices import recorded_lately
from triggers.conditions import conditions
from triggers.core.events import STANDARD_EVENTS
from triggers.entries import entries
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.models import Chain, Event
from triggers.sources.models import connected

# Newest events searched for a name: names have no index of their own, and a page may not read ten million rows.
EVENTS_SEARCHED = 100_000


def event_warnings(chain: Chain) -> list[str]:
    """One sentence for each event that the draft names and that is neither standard, declared nor recorded.

    Two queries when every name is known, four when not.
    """
    known = set(STANDARD_EVENTS) | _declared()
    missing = sorted(_named(chain) - known)
    if missing:
        recorded = _recorded(missing)
        missing = [name for name in missing if name not in recorded]
    if not missing:
        return []
    known |= recorded_lately() - set(missing)
    return [_warning(name, known) for name in missing]


def _warning(name: str, known: set[str]) -> str:
    alike = get_close_matches(name, sorted(known), 1)
    if alike:
        text = _("No event “%(event)s” is known; did you mean “%(alike)s”?")
        return text % {"event": name, "alike": alike[0]}
    return _("No event “%(event)s” is known: nothing has sent it yet.") % {"event": name}


def _named(chain: Chain) -> set[str]:
    """Every event that the draft's trigger, its ending events and its conditions name."""
    named = {*_trigger_events(chain), *chain.rules.values_list("event", flat=True)}
    for config in chain.steps.values_list("config", flat=True):
        named.update(_condition_events(config))
    return named - {""}


def _trigger_events(chain: Chain) -> Iterator[str]:
    try:
        kind = entries.get(chain.entry_kind)
        yield from kind.event_names(kind.parse(chain.entry_config))
    except (InvalidConfig, UnknownKind):
        # The page names this problem by itself.
        return


def _condition_events(config: Any) -> Iterator[str]:
    """The `event` of every condition anywhere inside a step's settings."""
    pending = [config]
    while pending:
        current = pending.pop()
        if isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, dict):
            pending.extend(current.values())
            kind, event = current.get("kind"), current.get("event")
            if isinstance(kind, str) and kind in conditions and isinstance(event, str):
                yield event


def _declared() -> set[str]:
    """Names that the shop's sources announce."""
    return {one.event for source in connected.values() for one in source.events}


def _recorded(names: list[str]) -> set[str]:
    """Those of the names that stand in the newest events."""
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return set()
    searched = Event.objects.filter(pk__gt=newest - EVENTS_SEARCHED, name__in=names)
    return set(searched.order_by().values_list("name", flat=True).distinct())
