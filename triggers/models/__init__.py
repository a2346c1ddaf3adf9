"""Tables, constraints and named querysets. Invariants live here, work does not."""

from triggers.models.chain import Chain, ChainRule, ChainStatus, ChainVersion, RuleRole, Step
from triggers.models.chain_day import ChainDay
from triggers.models.consent import Channel, Consent, OptOut, Suppression, SuppressionReason, Topic
from triggers.models.contact import SHARDS, Contact, ContactTag
from triggers.models.control import Control
from triggers.models.event import Event, PendingEvent
from triggers.models.event_day import EventDay
from triggers.models.journey import EntryLedger, Journey, Transition
from triggers.models.lane import Lane
from triggers.models.message import Message, MessageBody, MessageState
from triggers.models.sending_rule import FrequencyCap, OnHit, SendingRule
from triggers.models.shard import Heartbeat, Shard
from triggers.models.template import MessageClass, Template

__all__ = [
    "SHARDS",
    "Chain",
    "ChainDay",
    "ChainRule",
    "ChainStatus",
    "ChainVersion",
    "Channel",
    "Consent",
    "Contact",
    "ContactTag",
    "Control",
    "EntryLedger",
    "Event",
    "EventDay",
    "FrequencyCap",
    "Heartbeat",
    "Journey",
    "Lane",
    "Message",
    "MessageBody",
    "MessageClass",
    "MessageState",
    "OnHit",
    "OptOut",
    "PendingEvent",
    "RuleRole",
    "SendingRule",
    "Shard",
    "Step",
    "Suppression",
    "SuppressionReason",
    "Template",
    "Topic",
    "Transition",
]
