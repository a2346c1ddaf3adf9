"""The second half of a turn: due journeys move on, all of a batch with one set of statements."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings as django_settings
from django.db import transaction
from django.utils.translation import gettext_noop

from triggers.accounts import accounts, lane_name
from triggers.conf import settings
from triggers.core.decide import decide
from triggers.core.graph import Graph
from triggers.core.values import (
    ChangeContact,
    Decision,
    JourneyState,
    JourneyStatus,
    Move,
    Need,
    QueueMessage,
    Reason,
)
from triggers.engine.change import change_contacts
from triggers.engine.facts import Facts, facts_ahead, load_facts
from triggers.engine.isolate import describe, isolate
from triggers.engine.records import READ, Passage, read_passages, write_passages
from triggers.engine.reserve import Displaced, displace, in_rounds, reserve
from triggers.engine.versions import load_graphs
from triggers.exceptions import ShopFailed
from triggers.logs import note
from triggers.models import ChainStatus, Journey, Message, MessageState, Template
from triggers.sql import insert_rows, update_rows
from triggers.statements import Row
from triggers.transient import is_transient

# Rounds of asking for facts that a kind did not announce; one is usual, more is a kind that is broken.
MOST_ROUNDS = 20
# How long a journey waits for a shop that cannot be asked.
SHOP_PAUSE = timedelta(seconds=60)

logger = logging.getLogger(__name__)

PK = READ.index("pk")
TEMPLATE_COLUMNS = ("key", "channel", "message_class", "topic_id", "account")
# Columns of a message that the table wants and that say nothing yet.
NOT_TRIED = {"address": "", "attempt": 0, "provider_id": ""}


def fire_due(rows: Sequence[Row], now: datetime) -> set[int]:
    """Move claimed journeys, of one or several locked shards. Returns the shards where one is due again at once."""
    try:
        with transaction.atomic():
            return _advance(rows, now)
    except ShopFailed as error:
        note(logger, logging.ERROR, "shop.failed", journeys=len(rows), error=error)
        rows = _put_off_askers(rows, now)
    except Exception as error:
        if is_transient(error):
            raise
    due_again: set[int] = set()
    isolate(
        rows, lambda batch: due_again.update(_advance(batch, now)), lambda row, error: _fail(row, error, now)
    )
    return due_again


def _put_off_askers(rows: Sequence[Row], now: datetime) -> list[Row]:
    """Let journeys that ask the shop from where they stand try again in a while; returns the others.

    Each gets a moment of its own, so that one whose contact breaks the adapter meets other neighbours next time.
    """
    passages = read_passages(rows)
    graphs = load_graphs({one.version_id: one.version_sha256 for one in passages})
    asking = [one for one in passages if _asks_the_shop(graphs[one.version_id], one.step)]
    moments = [now + SHOP_PAUSE * random.uniform(0.5, 1.5) for _one in asking]  # noqa: S311
    updates = [
        (one.id, one.seq, moment, one.planned_at or one.due_at)
        for one, moment in zip(asking, moments, strict=True)
    ]
    update_rows(Journey, ("id", "seq", "due_at", "planned_at"), updates, guard="seq")
    put_off = {one.id for one in asking}
    return [row for row in rows if row[PK] not in put_off]


def _asks_the_shop(graph: Graph, step: str) -> bool:
    return any(fact.provider == "shop" for fact in graph.needs_from(step))


def _advance(rows: Sequence[Row], now: datetime) -> set[int]:
    """Move the journeys read as `rows`; called again with a part of them when it failed, so nothing is kept between.

    Returns the shards where one is due again at once.
    """
    passages = read_passages(rows)
    for one in passages:
        if one.chain_status == ChainStatus.PAUSED:
            one.hold()
    moving = [one for one in passages if one.status == JourneyStatus.ACTIVE]
    graphs = load_graphs({one.version_id: one.version_sha256 for one in moving})
    zone = django_settings.TIME_ZONE
    states = [(one, one.state(zone), graphs[one.version_id]) for one in moving]
    graph_by_id = {state.id: graph for _one, state, graph in states}
    facts = facts_ahead([state for _one, state, _graph in states], lambda state: graph_by_id[state.id], now)
    decisions, displaced = _decide_all([(state, graph) for _one, state, graph in states], facts, now)
    for one in moving:
        _apply(one, decisions[one.id], now)
    effects = [(one, move) for one in passages for move in one.moves if move.effect]
    _queue_messages([(one, move) for one, move in effects if isinstance(move.effect, QueueMessage)], now)
    displace(displaced)
    write_passages(passages, now)
    change_contacts(
        [(one.contact_id, move.effect) for one, move in effects if isinstance(move.effect, ChangeContact)]
    )
    return {one.shard for one in passages if one.due_at is not None and one.due_at <= now}


def _decide_all(
    states: Sequence[tuple[JourneyState, Graph]], facts: Facts, now: datetime
) -> tuple[dict[int, Decision], list[Displaced]]:
    """Ask the core about every journey: of those of one contact the most important first, so that the others see what
    room it took. Returns the queued messages that had to give way as well.
    """
    decisions: dict[int, Decision] = {}
    displaced: list[Displaced] = []
    rounds = in_rounds(states)
    for number, together in enumerate(rounds, start=1):
        decisions |= _decide_round(together, facts, now)
        later = [state for each in rounds[number:] for state, _graph in each]
        displaced += reserve([state for state, _graph in together], decisions, later, facts, now)
    return decisions, displaced


def _decide_round(
    undecided: Sequence[tuple[JourneyState, Graph]], facts: Facts, now: datetime
) -> dict[int, Decision]:
    """Ask the core about every journey; what it lacks is loaded for all who lack something, then they are asked again."""
    decisions: dict[int, Decision] = {}
    for _round in range(MOST_ROUNDS):
        lacking = []
        for state, graph in undecided:
            answer = decide(graph, state, facts[state.id], now)
            if isinstance(answer, Need):
                lacking.append((state, graph, answer.facts))
            else:
                decisions[state.id] = answer
        if not lacking:
            return decisions
        for journey_id, found in load_facts([(state, need) for state, _graph, need in lacking], now).items():
            facts[journey_id].update(found)
        undecided = [(state, graph) for state, graph, _need in lacking]
    raise RuntimeError(f"a step kind keeps asking for new facts: {lacking[0][2]}")


def _apply(one: Passage, decision: Decision, now: datetime) -> None:
    one.status, one.step, one.since, one.due_at = (
        decision.status,
        decision.step,
        decision.since,
        decision.due_at,
    )
    one.cancels_queued, one.planned_at = decision.cancels_queued, decision.planned_at
    one.moves.extend(decision.moves)
    one.seq += len(decision.moves)
    one.messages_queued += sum(isinstance(move.effect, QueueMessage) for move in decision.moves)
    if not one.is_open:
        one.ended_at = now


def _queue_messages(sends: Sequence[tuple[Passage, Move]], now: datetime) -> None:
    """One message for each sending move; (journey, seq) is unique, so doing it again is impossible."""
    if not sends:
        return
    keys = {move.effect.template for _one, move in sends if isinstance(move.effect, QueueMessage)}
    templates = {one.key: one for one in Template.objects.filter(key__in=keys).only(*TEMPLATE_COLUMNS)}
    rows = [_message_row(one, move, templates, now) for one, move in sends]
    insert_rows(Message, tuple(rows[0]), [tuple(row.values()) for row in rows])


def _message_row(
    one: Passage, move: Move, templates: Mapping[str, Template], now: datetime
) -> dict[str, object]:
    """A message's columns with their values; the columns are the same for all, in the same order."""
    effect = move.effect
    assert isinstance(effect, QueueMessage)
    template = templates.get(effect.template)
    message_class = template.message_class if template else "marketing"
    problem = _why_impossible(effect, template)
    send_after = effect.send_after or now
    seconds = effect.expires_seconds or settings.EXPIRES_AFTER
    return {
        "uid": uuid4(),
        "journey_id": one.id,
        "seq": move.seq,
        "chain_id": one.chain_id,
        "contact_id": one.contact_id,
        "step": move.step,
        "template_key": effect.template,
        "channel": effect.channel,
        "message_class": message_class,
        "lane": lane_name(effect.channel, message_class, template.account if template else ""),
        "topic_id": template.topic_id if template else None,
        "state": MessageState.FAILED if problem else MessageState.QUEUED,
        "reason": problem.text if problem else "",
        "reason_data": problem.data if problem else {},
        "created_at": now,
        "send_after": send_after,
        "expires_at": send_after + timedelta(seconds=seconds),
        **NOT_TRIED,
    }


def _why_impossible(effect: QueueMessage, template: Template | None) -> Reason | None:
    """Why it fails before anybody could send it."""
    if template is None or template.channel != effect.channel:
        text = gettext_noop("there is no template “%(template)s” for this channel")
        return Reason(text, {"template": effect.template})
    if template.account and template.account not in accounts(effect.channel):
        text = gettext_noop("the settings have no account “%(account)s”")
        return Reason(text, {"account": template.account})
    return None


def _fail(row: Row, error: Exception, now: datetime) -> None:
    """Set one poison journey aside with its error; a person can look at it and retry."""
    (one,) = read_passages([row])
    text = describe(error)
    one.end(JourneyStatus.FAILED, now, Reason(gettext_noop("Failed: %(error)s"), {"error": text[:200]}))
    write_passages([one], now)
    Journey.objects.filter(pk=one.id).update(error=text)
