"""The first half of a turn: pending events end, restart and begin journeys, in the order in which they happened."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from triggers.core.events import MOST_DEPTH
from triggers.core.graph import Graph
from triggers.core.kinds import Admission
from triggers.core.values import EventValue, JourneyStatus, Reason
from triggers.engine.isolate import describe, isolate
from triggers.engine.live import LiveChain, are_for_newer_workers, live_chains
from triggers.engine.records import READ, Passage, read_passages, write_moves, write_passages
from triggers.engine.shards import unread
from triggers.engine.strays import sort_out
from triggers.engine.versions import load_graphs
from triggers.entries.manual import PUT_INTO_CHAIN
from triggers.heartbeat import beat
from triggers.logs import note
from triggers.models import SHARDS, ChainStatus, EntryLedger, Journey, PendingEvent
from triggers.sql import delete_rows, insert_rows, update_rows

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Matched:
    """How many events were taken, the shards where some may be left, and those whose events are for newer workers.

    `deep` is the shard whose events alone filled the batch.
    """

    events: int = 0
    unfinished: Sequence[int] = ()
    for_others: Sequence[int] = ()
    deep: int | None = None


@dataclass(slots=True)
class Batch:
    """What is known about the contacts of a batch of events while it is matched."""

    now: datetime
    # Open journeys by contact and chain.
    open: dict[int, dict[int, Passage]]
    # When a contact last entered a chain, and the entry keys it used up.
    entered_at: dict[tuple[int, int], datetime]
    used: set[tuple[int, int, str]]
    changed: dict[int, Passage] = field(default_factory=dict)
    restarted: dict[int, Passage] = field(default_factory=dict)
    entered: list[tuple[Passage, Admission]] = field(default_factory=list)


def match_events(shards: Sequence[int], now: datetime, limit: int) -> Matched:
    """Match up to `limit` pending events of locked shards, the oldest of each first.

    Event and consequences are one transaction: the pending row goes in the savepoint that writes them.
    """
    if not shards:
        return Matched()
    chains = live_chains()
    if are_for_newer_workers(chains, now):
        return Matched(for_others=shards)
    rows = list(
        PendingEvent.objects.filter(is_set_aside=False, shard__in=shards)
        .order_by("shard", "event_id")
        .values_list(
            "event_id",
            "event__uid",
            "event__contact_id",
            "event__name",
            "event__occurred_at",
            "event__recorded_at",
            "event__data",
            "event__object_ref",
            "event__depth",
            "shard",
        )[:limit]
    )
    events = [EventValue(row[0], row[1].hex, *row[2:-1]) for row in rows]
    if events:
        isolate(events, lambda batch: _match(batch, chains, now), _set_aside)
    if len(events) < limit:
        return Matched(len(events))
    first, last = rows[0][-1], rows[-1][-1]
    return Matched(len(events), unread(shards, last), deep=last if first == last else None)


def _match(events: Sequence[EventValue], chains: Sequence[LiveChain], now: datetime) -> None:
    by_event: dict[str, list[LiveChain]] = defaultdict(list)
    for chain in chains:
        for name in {PUT_INTO_CHAIN, *chain.graph.entry.event_names(chain.graph.entry_config)}:
            by_event[name].append(chain)
    found, handed_on = sort_out(events)
    batch = _read(found, chains, by_event, now)
    graphs = load_graphs(
        {one.version_id: one.version_sha256 for journeys in batch.open.values() for one in journeys.values()}
    )
    for event in found:
        _end_journeys(event, batch, graphs | {chain.version_id: chain.graph for chain in chains})
        if event.depth > MOST_DEPTH:
            _report_circle(event)
            continue
        for chain in by_event.get(event.name, ()):
            _offer_entry(event, chain, batch)
    _write(batch)
    delete_rows(PendingEvent, [event.id for event in events if event.id not in handed_on])


def _read(
    events: Sequence[EventValue],
    chains: Sequence[LiveChain],
    by_event: dict[str, list[LiveChain]],
    now: datetime,
) -> Batch:
    contacts = {event.contact_id for event in events}
    open_journeys: dict[int, dict[int, Passage]] = defaultdict(dict)
    rows = Journey.objects.filter(contact__in=contacts, active_slot=1).values_list(*READ)
    for passage in read_passages(rows):
        open_journeys[passage.contact_id][passage.chain_id] = passage
    batch = Batch(now, open_journeys, {}, set())
    entering = {event.contact_id for event in events if event.name in by_event}
    ledger = EntryLedger.objects.filter(contact__in=entering, chain__in=[chain.id for chain in chains])
    for chain_id, contact_id, key, at in ledger.values_list(
        "chain_id", "contact_id", "entry_key", "entered_at"
    ):
        _note_entry(batch, chain_id, contact_id, key, at)
    return batch


def _note_entry(batch: Batch, chain_id: int, contact_id: int, key: str, at: datetime) -> None:
    pair = (chain_id, contact_id)
    batch.used.add((*pair, key))
    batch.entered_at[pair] = max(at, batch.entered_at.get(pair, at))


def _end_journeys(event: EventValue, batch: Batch, graphs: dict[int, Graph]) -> None:
    for passage in list(batch.open.get(event.contact_id, {}).values()):
        graph = graphs[passage.version_id]
        for rules, text in (
            (graph.goals, gettext_noop("Goal reached: %(event)s")),
            (graph.exits, gettext_noop("Left because of %(event)s")),
        ):
            if event.recorded_at < passage.entered_at or not passage.is_open:
                continue
            if any(rule.accepts(event, passage.object_ref) for rule in rules):
                passage.end(JourneyStatus.EXITED, batch.now, Reason(text, {"event": event.name}))
                batch.changed[id(passage)] = passage
                del batch.open[event.contact_id][passage.chain_id]


def _offer_entry(event: EventValue, chain: LiveChain, batch: Batch) -> None:
    admission = chain.admit(event)
    if admission is None or (admission.since or event.recorded_at) < chain.activated_at:
        return
    inside = batch.open.get(event.contact_id, {}).get(chain.id)
    if inside is None:
        _enter(event, chain, admission, batch)
    elif admission.restarts and not inside.messages_queued and inside.status == JourneyStatus.ACTIVE:
        _restart(event, chain, inside, batch)


def _report_circle(event: EventValue) -> None:
    """Chains that feed each other come to an end here, in sight of everybody, when the turn is committed."""
    note(logger, logging.WARNING, "event.goes_in_circles", event=event.id, name=event.name)
    detail = f"{event.name} #{event.id}"
    transaction.on_commit(lambda: beat("circle", detail=detail), robust=True)


def _enter(event: EventValue, chain: LiveChain, admission: Admission, batch: Batch) -> None:
    pair = (chain.id, event.contact_id)
    last = batch.entered_at.get(pair)
    if (*pair, admission.key) in batch.used:
        return
    if last is not None and admission.min_gap and batch.now - last < admission.min_gap:
        return
    passage = Passage(
        id=0,
        shard=event.contact_id % SHARDS,
        chain_id=chain.id,
        version_id=chain.version_id,
        contact_id=event.contact_id,
        status=JourneyStatus.ACTIVE,
        step=chain.graph.first or "",
        since=min(admission.since or event.recorded_at, event.recorded_at),
        seq=0,
        messages_queued=0,
        due_at=batch.now,
        entered_at=event.recorded_at,
        object_ref=event.object_ref,
        zone="",
        version_sha256=chain.version_sha256,
        chain_status=ChainStatus.LIVE,
        entry_event_id=event.id,
    )
    passage.log(Reason(gettext_noop("Entered because of %(event)s"), {"event": event.name}))
    batch.open.setdefault(event.contact_id, {})[chain.id] = passage
    batch.entered.append((passage, admission))
    _note_entry(batch, chain.id, event.contact_id, admission.key, batch.now)


def _restart(event: EventValue, chain: LiveChain, passage: Passage, batch: Batch) -> None:
    """Back to the first step, on the live version: nothing has been sent, so nothing is repeated."""
    passage.step, passage.since, passage.due_at = chain.graph.first or "", event.recorded_at, batch.now
    passage.planned_at = event.recorded_at
    passage.version_id, passage.version_sha256 = chain.version_id, chain.version_sha256
    # It is about the new cart from here on: in its goals, and in what its letters say.
    passage.entered_at, passage.object_ref, passage.entry_event_id = (
        event.recorded_at,
        event.object_ref,
        event.id,
    )
    passage.log(Reason(gettext_noop("Started again because of %(event)s"), {"event": event.name}))
    if passage.id:
        batch.changed[id(passage)] = passage
        batch.restarted[id(passage)] = passage


def _write(batch: Batch) -> None:
    write_passages([passage for passage in batch.changed.values() if passage.id], batch.now)
    update_rows(
        Journey,
        ("id", "seq", "entered_at", "object_ref", "entry_event_id"),
        [
            (one.id, one.seq, one.entered_at, one.object_ref, one.entry_event_id)
            for one in batch.restarted.values()
        ],
        guard="seq",
    )
    entered = [passage for passage, _admission in batch.entered]
    insert_rows(
        EntryLedger,
        ("chain_id", "contact_id", "entry_key", "entered_at"),
        [(one.chain_id, one.contact_id, admission.key, batch.now) for one, admission in batch.entered],
    )
    _insert_journeys(entered, batch.now)
    write_moves(entered, batch.now)


def _insert_journeys(entered: Sequence[Passage], now: datetime) -> None:
    """Insert new journeys and read their ids back by what started them."""
    columns = (
        *("shard", "chain_id", "version_id", "contact_id", "status", "active_slot", "step", "since", "seq"),
        *(
            "messages_queued",
            "due_at",
            "entered_at",
            "ended_at",
            "entry_event_id",
            "object_ref",
            "is_called_back",
        ),
        "error",
    )
    insert_rows(Journey, columns, [_journey_row(one) for one in entered])
    if entered:
        ids = _ids(entered)
        for one in entered:
            one.id = ids[one.chain_id, one.entry_event_id]


def _journey_row(one: Passage) -> tuple[object, ...]:
    return (
        *(one.shard, one.chain_id, one.version_id, one.contact_id, one.status),
        *(1 if one.is_open else None, one.step, one.since, one.seq, one.messages_queued, one.due_at),
        *(one.entered_at, one.ended_at, one.entry_event_id, one.object_ref, one.cancels_queued, ""),
    )


def _ids(entered: Iterable[Passage]) -> dict[tuple[int, int | None], int]:
    contacts = {one.contact_id for one in entered}
    events = {one.entry_event_id for one in entered}
    rows = Journey.objects.filter(contact__in=contacts, entry_event_id__in=events)
    return {
        (chain_id, event_id): pk
        for chain_id, event_id, pk in rows.values_list("chain_id", "entry_event_id", "pk")
    }


def _set_aside(event: EventValue, error: Exception) -> None:
    """Keep a poison event with its error, out of everybody's way, until a person replays it."""
    PendingEvent.objects.filter(pk=event.id).update(is_set_aside=True, error=describe(error))
