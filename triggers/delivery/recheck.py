"""The last look before a message leaves: may it still be sent? For a whole claim at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_noop

from triggers.consent import address_key
from triggers.core.graph import Graph
from triggers.core.values import Fact, JourneyState, Reason
from triggers.delivery.limits import limit
from triggers.delivery.stop import Stop
from triggers.engine.facts import load_facts
from triggers.engine.records import ENDED
from triggers.engine.versions import load_graphs
from triggers.models import (
    ChainStatus,
    Channel,
    Consent,
    Journey,
    Message,
    MessageClass,
    MessageState,
    OptOut,
    SuppressionReason,
)
from triggers.statements import Statement
from triggers.suppressions import OF_THE_PERSON, find_suppressions

EXPIRED = Stop(MessageState.EXPIRED, Reason(gettext_noop("it became worthless before it could leave")))
UNREADABLE = Stop(
    MessageState.HELD, Reason(gettext_noop("the published chain cannot be read, so neither can its goals"))
)
HELD = Stop(MessageState.HELD, Reason(gettext_noop("the chain is paused")))
CALLED_BACK = Stop(MessageState.CANCELLED, Reason(ENDED))
GONE = Stop(MessageState.CANCELLED, Reason(gettext_noop("the contact was deleted")))
ERASED = Stop(MessageState.CANCELLED, Reason(gettext_noop("the contact was erased")))
NO_ADDRESS = Stop(
    MessageState.SUPPRESSED, Reason(gettext_noop("the contact has no address for this channel"))
)
NO_CONSENT = {
    Channel.EMAIL: Stop(
        MessageState.SUPPRESSED, Reason(gettext_noop("the contact has not agreed to marketing by e-mail"))
    ),
    Channel.SMS: Stop(
        MessageState.SUPPRESSED, Reason(gettext_noop("the contact has not agreed to marketing by SMS"))
    ),
}

CONSENTS = Statement(
    Consent.objects.filter(is_granted=True).values_list("contact_id", "channel"), by="contact"
)
OPT_OUTS = Statement(OptOut.objects.values_list("contact_id", "topic_id"), by="contact")


class Passage(NamedTuple):
    """What is asked about a message's journey. Not its version's definition: it is read once per process, not once per
    letter."""

    state: JourneyState
    is_called_back: bool
    chain_status: str
    graph: Graph


JOURNEYS = Statement(
    Journey.objects.values_list(
        *("pk", "contact_id", "step", "since", "seq", "entered_at", "object_ref", "entry_event_id"),
        *("is_called_back", "chain__status", "version_id", "version__sha256"),
    ),
    by="id",
)


def stops(messages: Sequence[Message], now: datetime) -> dict[int, Stop]:
    """Messages that must not leave, by id. A constant number of statements; `messages` come with their contacts."""
    rules = Rules(messages)
    found = {message.pk: rules.check(message, now) for message in messages}
    allowed = [message for message in messages if found[message.pk] is None]
    passages = _read_passages(allowed)
    found |= _journeys_say(allowed, passages, now)
    stopped = {pk: stop for pk, stop in found.items() if stop}
    leaving = [message for message in messages if message.pk not in stopped]
    quiet = {pk: passage.graph.quiet for pk, passage in passages.items()}
    return stopped | limit(leaving, quiet, stopped, now)


class Rules:
    """Consents, refusals and suppressions of all contacts of a claim, read once."""

    def __init__(self, messages: Sequence[Message]) -> None:
        contacts = {message.contact_id for message in messages}
        self._agreed = set(CONSENTS.read(contacts))
        self._opted_out = set(OPT_OUTS.read(contacts))
        addresses = {address_key(message.contact, message.channel) for message in messages}
        self._suppressed = find_suppressions(addresses - {""})

    def check(self, message: Message, now: datetime) -> Stop | None:
        if message.expires_at is not None and message.expires_at <= now:
            return EXPIRED
        if message.contact.erased_at is not None:
            return ERASED
        key = address_key(message.contact, message.channel)
        if not key:
            return NO_ADDRESS
        is_marketing = message.message_class == MessageClass.MARKETING
        suppression = self._suppressed.get((message.channel, key))
        if suppression and (is_marketing or suppression not in OF_THE_PERSON):
            data = {"why": {"text": str(SUPPRESSION_WORDS[suppression])}}
            return Stop(
                MessageState.SUPPRESSED, Reason(gettext_noop("the address is suppressed: %(why)s"), data)
            )
        return self._check_marketing(message) if is_marketing else None

    def _check_marketing(self, message: Message) -> Stop | None:
        if (message.contact_id, message.channel) not in self._agreed:
            return NO_CONSENT[Channel(message.channel)]
        if (message.contact_id, message.topic_id) in self._opted_out:
            data = {"topic": str(message.topic)}
            reason = Reason(gettext_noop("the contact has unsubscribed from “%(topic)s”"), data)
            return Stop(MessageState.SUPPRESSED, reason)
        return None


SUPPRESSION_WORDS: dict[str, str] = {
    SuppressionReason.BOUNCE: gettext_noop("hard bounce"),
    SuppressionReason.COMPLAINT: gettext_noop("complaint"),
    SuppressionReason.UNSUBSCRIBED: gettext_noop("unsubscribed from everything"),
    SuppressionReason.MANUAL: gettext_noop("by hand"),
    SuppressionReason.ERASED: gettext_noop("its owner was erased"),
}


def _read_passages(messages: Sequence[Message]) -> dict[int, Passage]:
    """The journeys of these messages by id."""
    rows = JOURNEYS.read({message.journey_id for message in messages if message.journey_id})
    graphs = load_graphs({version_id: digest for *_rest, version_id, digest in rows})
    return {
        pk: Passage(
            JourneyState(
                *(pk, contact_id, step, since, seq, entered_at),
                object_ref=object_ref,
                entry_event_id=event_id,
            ),
            *(is_called_back, chain_status, graphs[version_id]),
        )
        for pk, contact_id, step, since, seq, entered_at, object_ref, event_id, is_called_back, chain_status, version_id, _digest in rows
    }


def _journeys_say(
    messages: Sequence[Message], passages: Mapping[int, Passage], now: datetime
) -> dict[int, Stop | None]:
    """A journey that took its messages back; a chain that was paused; a goal or exit event since the journey began, even one that no turn has matched yet."""
    wanted = [
        (one.state, frozenset(rule.fact for rule in (*one.graph.goals, *one.graph.exits)))
        for one in passages.values()
    ]
    facts = load_facts(wanted, now)
    return {
        message.pk: _journey_says(passages[message.journey_id], facts[message.journey_id])
        for message in messages
        if message.journey_id and message.journey_id in passages
    }


def _journey_says(passage: Passage, facts: Mapping[Fact, int]) -> Stop | None:
    if any(facts.values()):
        return _ended(facts)
    if passage.is_called_back:
        return CALLED_BACK
    if not passage.graph.is_readable:
        return UNREADABLE
    return HELD if passage.chain_status == ChainStatus.PAUSED else None


def _ended(facts: Mapping[Fact, int]) -> Stop:
    event = next(fact.args[0] for fact, count in facts.items() if count)
    return Stop(
        MessageState.CANCELLED, Reason(gettext_noop("%(event)s happened before it left"), {"event": event})
    )
