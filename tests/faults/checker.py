"""Do the books balance? The world's letters, our tables and what the shop was told, compared row by row.

`gather` reads the three; `find_problems` is pure, so its own tests can plant whatever is to be found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Count

from tests.faults.deliveries import Delivery
from triggers.models import Event, Journey, Message, MessageState, PendingEvent

# Each state of a message stands in exactly one column of the books.
COLUMNS: Mapping[str, frozenset[str]] = {
    "sent": frozenset({"accepted", "delivered", "bounced", "complained"}),
    "skipped": frozenset({"suppressed", "expired", "cancelled"}),
    "failed": frozenset({"failed"}),
    "unknown": frozenset({"unknown", "sending"}),
    "waiting": frozenset({"queued", "held"}),
}


@dataclass(frozen=True, slots=True)
class Belief:
    """What the shop knows of one action. `is_told` is None when its process died before it knew: either is right."""

    event: str
    to: str
    is_told: bool | None
    # Letters that follow from it, by template.
    letters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A message as our tables have it. `was_doubted`: once nobody knew whether it was sent, whatever became of it since."""

    uid: str
    to: str
    template: str
    message_class: str
    state: str
    was_doubted: bool = False
    resends: int = 0

    @property
    def is_doubt(self) -> bool:
        return self.was_doubted or self.state in COLUMNS["unknown"]


@dataclass(frozen=True, slots=True)
class Evidence:
    deliveries: Sequence[Delivery] = ()
    rows: Sequence[Row] = ()
    beliefs: Sequence[Belief] = ()
    # Events in our tables by name and address.
    events: Mapping[tuple[str, str], int] = field(default_factory=dict)
    pending: int = 0
    # Journeys that share the event that started them, beyond the first of each chain.
    twins: int = 0


def gather(deliveries: Sequence[Delivery], beliefs: Sequence[Belief]) -> Evidence:
    messages = Message.objects.values_list(
        *("uid", "contact__email", "template_key", "message_class", "state", "unknown_since", "resends")
    ).order_by("pk")
    names = {belief.event for belief in beliefs}
    events = Event.objects.filter(name__in=names).values_list("name", "contact__email")
    twins = Journey.objects.values("chain", "entry_event_id").annotate(times=Count("pk")).filter(times__gt=1)
    return Evidence(
        deliveries,
        [
            Row(uid.hex, to, template, message_class, state, since is not None, resends)
            for uid, to, template, message_class, state, since, resends in messages
        ],
        beliefs,
        Counter(events),
        PendingEvent.objects.count(),
        sum(one["times"] - 1 for one in twins),
    )


def balance(evidence: Evidence) -> dict[str, int]:
    """The books: how many letters were due, as far as the shop knows, and what became of them."""
    counts = {name: sum(row.state in states for row in evidence.rows) for name, states in COLUMNS.items()}
    return {"due": sum(most for _least, most in _due(evidence.beliefs).values())} | counts


def doubts(evidence: Evidence) -> int:
    """Letters of which nobody knew at some moment whether they had left."""
    return sum(row.is_doubt for row in evidence.rows)


def find_problems(evidence: Evidence, *, most_unknown: int = 0, is_finished: bool = True) -> list[str]:
    """Everything that breaks a promise, one line each; empty when all is well.

    `most_unknown`: senders × concurrency × kills, for doubts that were cleared up since as well. `is_finished`: nothing
    should be left to do.
    """
    problems = [
        *_lost_events(evidence),
        *_wrong_counts(evidence),
        *_lost_letters(evidence),
        *_second_copies(evidence),
        *_strangers(evidence),
    ]
    books = balance(evidence)
    if doubts(evidence) > most_unknown:
        problems.append(f"{doubts(evidence)} unknown, at most {most_unknown} can be explained")
    if evidence.twins:
        problems.append(f"{evidence.twins} journeys began by an event that had begun one")
    if is_finished and (evidence.pending or books["waiting"]):
        problems.append(f"left undone: {evidence.pending} events, {books['waiting']} letters")
    return problems


Range = tuple[int, int]


def _between(count: int, due: Range) -> bool:
    return due[0] <= count <= due[1]


def _due(beliefs: Iterable[Belief]) -> dict[tuple[str, str], Range]:
    """How many letters, at least and at most, each (template, address) should have."""
    due: dict[tuple[str, str], Range] = {}
    for belief in beliefs:
        for template in belief.letters:
            due[template, belief.to] = _add(due.get((template, belief.to), (0, 0)), belief)
    return due


def _add(due: Range, belief: Belief) -> Range:
    return due[0] + (belief.is_told is True), due[1] + (belief.is_told is not False)


def _lost_events(evidence: Evidence) -> Iterable[str]:
    believed: dict[tuple[str, str], Range] = {}
    for belief in evidence.beliefs:
        key = belief.event, belief.to
        believed[key] = _add(believed.get(key, (0, 0)), belief)
    for key, due in believed.items():
        count = evidence.events.get(key, 0)
        if not _between(count, due):
            yield f"{count} events {key[0]} of {key[1]}, the shop was told of {_shown(due)}"


def _wrong_counts(evidence: Evidence) -> Iterable[str]:
    """A letter that no row stands for is lost; a row that nothing asked for is a second copy in the making."""
    rows = Counter((row.template, row.to) for row in evidence.rows)
    due = _due(evidence.beliefs)
    for key in sorted(rows.keys() | due.keys()):
        if not _between(rows[key], due.get(key, (0, 0))):
            yield f"{rows[key]} messages {key[0]} to {key[1]}, due are {_shown(due.get(key, (0, 0)))}"


def _lost_letters(evidence: Evidence) -> Iterable[str]:
    taken = {one.uid for one in evidence.deliveries}
    for row in evidence.rows:
        if row.state in COLUMNS["sent"] and row.uid not in taken:
            yield f"lost: {row.template} to {row.to} is {row.state}, nobody received it"


def _second_copies(evidence: Evidence) -> Iterable[str]:
    """None of a marketing letter, and none where the provider knows a letter again. One of a transactional letter that was in
    doubt, and sent again once, under its own Message-ID."""
    copies = defaultdict(list)
    for one in evidence.deliveries:
        copies[one.uid].append(one)
    for row in evidence.rows:
        found = copies[row.uid]
        if len(found) > 1 + _may_have_a_second(row, found):
            yield f"{len(found)} copies of the {row.message_class} letter {row.template} to {row.to}"


def _may_have_a_second(row: Row, found: Sequence[Delivery]) -> bool:
    return (
        row.message_class == "transactional"
        and row.was_doubted
        and row.resends == 1
        and {one.via for one in found} == {"smtp"}
        and len({one.message_id for one in found}) == 1
    )


def _strangers(evidence: Evidence) -> Iterable[str]:
    """Letters out in the world that our tables deny."""
    rows = {row.uid: row for row in evidence.rows}
    for uid in {one.uid for one in evidence.deliveries}:
        row = rows.get(uid)
        if row is None:
            yield f"a letter {uid} was received that no message stands for"
        elif row.state not in COLUMNS["sent"] | COLUMNS["unknown"]:
            yield f"the letter {row.template} to {row.to} was received and is {row.state}"


def _shown(due: Range) -> str:
    return str(due[0]) if due[0] == due[1] else f"{due[0]} to {due[1]}"


assert frozenset().union(*COLUMNS.values()) == set(MessageState.values), "a state without a column"
