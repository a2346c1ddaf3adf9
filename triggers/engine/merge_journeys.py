"""Two contacts of one person are in the same chain: one journey goes on, and no letter leaves a second time.

The rule: the journey goes on of which nothing lies ahead that the other has sent; of two such the one that has queued more,
then the one that is further, then the older. Whoever is through and has a letter that did not leave yet counts as inside.
A journey also ends whose entry the other contact had made already (a chain that is entered once, or once for this cart):
the person has been through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_noop

from triggers.core.graph import Graph
from triggers.core.values import JourneyStatus, Reason
from triggers.engine.records import READ, Passage, read_passages, write_passages
from triggers.engine.shards import rewind
from triggers.engine.versions import load_graphs
from triggers.models import Contact, EntryLedger, Journey, Message, MessageClass, MessageState
from triggers.models.message import LEFT, WAITING

OTHER_GOES_ON = Reason(
    gettext_noop("Two contacts became one: their other journey through this chain goes on")
)
BEEN_THROUGH = Reason(gettext_noop("Two contacts became one that had entered this chain in the same way"))
SECOND_COPY = gettext_noop("two contacts became one: it would be a second copy")
ON_THE_WAY = (*WAITING, MessageState.SENDING)
# What waits to be sent again although it may have arrived has left as well.
MAY_HAVE_LEFT = Q(state__in=LEFT) | Q(unknown_since__isnull=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """How many journeys ended, and how many queued messages were cancelled, because two contacts became one."""

    ended: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Twin:
    """A journey that ends, the one that goes on instead (None: it is over), and whether both are about the same."""

    loser: Passage
    survivor: Passage | None
    is_same: bool


def join_journeys(kept: Contact, gone: Contact, now: datetime) -> Joined:
    """Make all journeys of `gone` `kept`'s, under the locks of both; one at most of each chain stays open."""
    _hold_letters(kept, gone)
    twins = list(find_twins(kept, gone))
    ending = {one.loser.id: one for one in twins if one.loser.is_open}
    for one in ending.values():
        one.loser.end(JourneyStatus.EXITED, now, OTHER_GOES_ON if one.survivor else BEEN_THROUGH)
        # What is called back is decided letter by letter.
        one.loser.cancels_queued = False
    write_passages([one.loser for one in ending.values()], now)
    cancelled = sum(_cancel_copies(one) for one in twins)
    gone.journeys.update(contact=kept, shard=kept.shard)
    # They may have been due for a while, where this shard's index was seen already.
    rewind(kept.shard)
    return Joined(len(ending), cancelled)


def find_twins(kept: Contact, gone: Contact) -> Iterator[Twin]:
    """The journeys that end when these become one, and those that are over and have letters which shall not leave."""
    on_its_way = Message.objects.filter(journey=OuterRef("pk"), state__in=ON_THE_WAY)
    rows = Journey.objects.filter(
        Q(active_slot=1) | Q(Exists(on_its_way)), contact__in=[kept.pk, gone.pk]
    ).order_by("pk")
    by_chain: defaultdict[int, defaultdict[int, list[Passage]]] = defaultdict(lambda: defaultdict(list))
    for passage in read_passages(rows.values_list(*READ)):
        by_chain[passage.chain_id][passage.contact_id].append(passage)
    for chain_id, inside in by_chain.items():
        if len(inside) == 2:
            for pair in product(*inside.values()):
                yield from _of_two(pair)
            continue
        ((contact_id, passages),) = inside.items()
        key = _entry_key(passages[-1])
        other = gone if contact_id == kept.pk else kept
        if other.entries.filter(chain=chain_id, entry_key=key).exists():
            yield Twin(passages[-1], None, passages[-1].object_ref == key)


def _entry_key(passage: Passage) -> str | None:
    """Under which key the contact's latest passage through the chain was entered."""
    rows = EntryLedger.objects.filter(chain=passage.chain_id, contact=passage.contact_id)
    return rows.order_by("-entered_at", "-pk").values_list("entry_key", flat=True).first()


def _hold_letters(kept: Contact, gone: Contact) -> None:
    """Let no sender take a letter of theirs until it is decided which may leave; wait for those who are taking one."""
    moving = Message.objects.filter(contact__in=[kept.pk, gone.pk], state__in=ON_THE_WAY)
    list(moving.select_for_update().order_by("pk").values_list("pk", flat=True))


def _of_two(pair: Sequence[Passage]) -> Iterator[Twin]:
    """The one of two that ends; both where each would send again what the other has sent, which takes two versions."""
    graphs = load_graphs({one.version_id: one.version_sha256 for one in pair})
    sent: defaultdict[int, set[str]] = defaultdict(set)
    rows = Message.objects.filter(MAY_HAVE_LEFT, journey__in=[one.id for one in pair])
    for journey_id, step in rows.values_list("journey", "step"):
        sent[journey_id].add(step)
    weights = []
    for one, other in (pair, reversed(pair)):
        place, ahead = _ahead(graphs[one.version_id], one)
        weights.append((-len(ahead & sent[other.id]), one.messages_queued, place, -one.id, one))
    (_copies, *_more, loser), (copies, *_more, survivor) = sorted(weights, key=lambda weight: weight[:4])
    is_same = loser.object_ref == survivor.object_ref
    yield Twin(loser, survivor, is_same)
    if copies:
        yield Twin(survivor, None, is_same)


def _ahead(graph: Graph, one: Passage) -> tuple[int, set[str]]:
    """How far a journey is, and the steps that it may still take: a chain is a tree, written down in order."""
    steps = list(graph.nodes)
    if not one.is_open:
        return len(steps), set()
    place = steps.index(one.step) if one.step in graph.nodes else 0
    return place, set(steps[place:])


def _cancel_copies(twin: Twin) -> int:
    """Cancel what would be a second copy: what the loser still has in the queue, and what the survivor has there and the
    loser has sent already. A transactional letter about another order is none: it goes on.
    """
    ids = [one.id for one in (twin.loser, twin.survivor) if one]
    rows = [
        one
        for one in Message.objects.filter(journey__in=ids)
        if twin.is_same or one.message_class == MessageClass.MARKETING
    ]
    lost = [one for one in rows if one.journey_id == twin.loser.id]
    going_on = [one for one in rows if one.journey_id != twin.loser.id]
    left = {one.step for one in lost if one.state in LEFT or one.unknown_since}
    waiting = [*lost, *(one for one in going_on if one.step in left)]
    _call_back(twin.loser.id, lost, {one.step for one in going_on if one.state in LEFT})
    doomed = [one.pk for one in waiting if one.state in WAITING and not one.unknown_since]
    return Message.objects.filter(pk__in=doomed, state__in=WAITING, unknown_since__isnull=True).update(
        state=MessageState.CANCELLED, reason=SECOND_COPY, reason_data={}, lease_until=None
    )


def _call_back(journey_id: int, lost: Sequence[Message], left: set[str]) -> None:
    """What is at the provider this moment may come back to be tried again: not when the other's copy has left."""
    if any(one.state == MessageState.SENDING and one.step in left for one in lost):
        Journey.objects.filter(pk=journey_id).update(is_called_back=True)
