"""Conditions: one file per kind. Host projects add theirs in `<app>/triggers_hooks.py`."""

from triggers.conditions import (
    consent,
    contact_field,
    did_not_follow,
    engagement,
    event_happened,
    event_totals,
    group,
    in_segment,
    message_reaction,
    preference,
    rfm_class,
    shop_fact,
    tag,
    topic_opt_out,
)
from triggers.conditions.base import BoundCondition, Condition, Verdict, bind, conditions

__all__ = [
    "BoundCondition",
    "Condition",
    "Verdict",
    "bind",
    "conditions",
    "consent",
    "contact_field",
    "did_not_follow",
    "engagement",
    "event_happened",
    "event_totals",
    "group",
    "in_segment",
    "message_reaction",
    "preference",
    "rfm_class",
    "shop_fact",
    "tag",
    "topic_opt_out",
]
