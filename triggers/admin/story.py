"""A contact's timeline in words: what the template shows, line by line, in the contact's own time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from triggers.admin.base import change_url
from triggers.analytics.timeline import Chapter, Cursor, Line, Part, timeline
from triggers.core.events import STANDARD_EVENTS
from triggers.core.values import JourneyStatus
from triggers.core.words import say
from triggers.models import Channel, Contact, Event, Journey, Message, MessageState

# Characters of an event's data shown in its line.
MOST_SUMMARY_CHARS = 160

GOOD = {MessageState.ACCEPTED, MessageState.DELIVERED, JourneyStatus.FINISHED}
BAD = {
    MessageState.BOUNCED,
    MessageState.COMPLAINED,
    MessageState.FAILED,
    MessageState.UNKNOWN,
    JourneyStatus.FAILED,
    JourneyStatus.PAUSED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One line in words. `tone` is "good", "bad" or "" and is also said by `state`."""

    at: datetime
    icon: str
    text: str
    url: str = ""
    note: str = ""
    state: str = ""
    tone: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A journey, or a single line; `day` is the date in the contact's zone."""

    at: datetime
    title: str = ""
    url: str = ""
    state: str = ""
    tone: str = ""
    note: str = ""
    lines: list[Told] = field(default_factory=list)

    @property
    def is_journey(self) -> bool:
        return bool(self.title)


def story_context(contact: Contact, seen: Collection[Part], until: str) -> dict[str, Any]:
    """What the timeline's template gets. `seen` are the parts that the reader may see."""
    page = timeline(contact, parts=seen, until=_place(until))
    zone = contact.zone
    return {
        "story": [_scene(chapter, zone) for chapter in page.chapters],
        "story_zone": zone,
        "story_zone_is_own": bool(contact.time_zone),
        "story_older": str(page.older) if page.older else "",
        "story_is_newest": not until,
        "story_is_cut_by_rights": len(seen) < 3,
    }


def _place(until: str) -> Cursor | None:
    """The place that stands in the address; none for a moment outside of the calendar, which a zone can make of year 1."""
    place = Cursor.read(until)
    try:
        if place is not None:
            place.at.astimezone(UTC)
    except OverflowError:
        return None
    return place


def _scene(chapter: Chapter, zone: ZoneInfo) -> Scene:
    lines = [_told(line, zone) for line in chapter.lines]
    journey = chapter.journey
    if journey is None:
        return Scene(chapter.at, lines=lines)
    if chapter.started_by:
        lines.append(_told_event(chapter.started_by, _("Started by: %(event)s")))
    return Scene(
        chapter.at,
        title=str(journey.chain),
        url=change_url(journey),
        state=journey.get_status_display(),
        tone=_tone(journey.status),
        note=_standing(journey, zone),
        lines=lines,
    )


def _standing(journey: Journey, zone: ZoneInfo) -> str:
    """Where a journey that goes on stands, and until when."""
    about = _("about %(object)s") % {"object": journey.object_ref} if journey.object_ref else ""
    parts = [_("version %(number)s") % {"number": journey.version.number}, about]
    if journey.status == JourneyStatus.ACTIVE and journey.due_at:
        moment = date_format(journey.due_at.astimezone(zone), "DATETIME_FORMAT")
        parts.append(_("now at %(step)s, goes on %(moment)s") % {"step": journey.step, "moment": moment})
    elif journey.status in (JourneyStatus.PAUSED, JourneyStatus.FAILED):
        parts.append(_("stopped at %(step)s") % {"step": journey.step})
    return " · ".join(part for part in parts if part)


def _told(line: Line, zone: ZoneInfo) -> Told:
    if line.event:
        return _told_event(line.event)
    if line.message:
        return _told_message(line.message, line.title, zone)
    move = line.transition
    assert move is not None
    return Told(move.at, "→", say(move.reason, move.data, zone), step=move.step)


def _told_event(event: Event, sentence: str = "%(event)s") -> Told:
    label = STANDARD_EVENTS.get(event.name)
    text = sentence % {"event": f"{label} ({event.name})" if label else event.name}
    note = " · ".join(part for part in (event.object_ref, _summary(event.data)) if part)
    return Told(event.occurred_at, "●", text, change_url(event), note)


def _summary(data: Any) -> str:
    """The plain values at the top of an event's data, as many as fit a line."""
    if not isinstance(data, dict):
        return ""
    shown = ", ".join(f"{name}: {one}" for name, one in data.items() if isinstance(one, str | int | float))
    text = shown.encode(errors="replace").decode()
    return text if len(text) <= MOST_SUMMARY_CHARS else f"{text[:MOST_SUMMARY_CHARS]}…"


def _told_message(message: Message, title: str, zone: ZoneInfo) -> Told:
    body = getattr(message, "body", None)
    subject = body.subject if body else ""
    return Told(
        message.created_at,
        "✉" if message.channel == Channel.EMAIL else "✆",
        f"{title} – {subject}" if subject else title,
        change_url(message),
        " · ".join(_became(message, zone)),
        message.get_state_display(),
        _tone(message.state),
    )


def _became(message: Message, zone: ZoneInfo) -> Iterator[str]:
    """What became of a message, moment by moment."""
    if message.reason:
        yield say(message.reason, message.reason_data, zone)
    for sentence, at in (
        (_("handed over %(moment)s"), message.accepted_at),
        (_("opened %(moment)s"), message.opened_at),
        (_("clicked %(moment)s"), message.clicked_at),
    ):
        if at:
            yield sentence % {"moment": date_format(at.astimezone(zone), "DATETIME_FORMAT")}


def _tone(state: str) -> str:
    if state in GOOD:
        return "good"
    return "bad" if state in BAD else ""
