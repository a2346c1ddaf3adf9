"""Tables, constraints and named querysets. Invariants live here, work does not."""

from triggers.models.api import ApiKey, ApiReceipt, KeyKind
from triggers.models.chain import Chain, ChainRule, ChainStatus, ChainVersion, RuleRole, Step
from triggers.models.chain_day import ChainDay
from triggers.models.consent import Channel, Consent, OptOut, Suppression, SuppressionReason, Topic
from triggers.models.contact import SHARDS, Contact, ContactTag, Leftover
from triggers.models.control import Control
from triggers.models.event import Event, PendingEvent
from triggers.models.event_day import EventDay
from triggers.models.fanout import EVERYWHERE, Fanout, FanoutState
from triggers.models.journey import EntryLedger, Journey, Transition
from triggers.models.lane import Lane
from triggers.models.message import Message, MessageBody, MessageState
from triggers.models.segment import Segment, SegmentMember, Trait, TraitKind
from triggers.models.sender_run import SenderRun
from triggers.models.sending_rule import FrequencyCap, OnHit, SendingRule
from triggers.models.shard import Heartbeat, Shard
from triggers.models.slow_domain import SlowDomain
from triggers.models.source_rule import Change, SourceRule
from triggers.models.template import MessageClass, Template
from triggers.models.visitor import Visitor, VisitorEvent

__all__ = [
    "EVERYWHERE",
    "SHARDS",
    "ApiKey",
    "ApiReceipt",
    "Chain",
    "ChainDay",
    "ChainRule",
    "ChainStatus",
    "ChainVersion",
    "Change",
    "Channel",
    "Consent",
    "Contact",
    "ContactTag",
    "Control",
    "EntryLedger",
    "Event",
    "EventDay",
    "Fanout",
    "FanoutState",
    "FrequencyCap",
    "Heartbeat",
    "Journey",
    "KeyKind",
    "Lane",
    "Leftover",
    "Message",
    "MessageBody",
    "MessageClass",
    "MessageState",
    "OnHit",
    "OptOut",
    "PendingEvent",
    "RuleRole",
    "Segment",
    "SegmentMember",
    "SenderRun",
    "SendingRule",
    "Shard",
    "SlowDomain",
    "SourceRule",
    "Step",
    "Suppression",
    "SuppressionReason",
    "Template",
    "Topic",
    "Trait",
    "TraitKind",
    "Transition",
    "Visitor",
    "VisitorEvent",
]
