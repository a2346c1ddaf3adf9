"""Conditions: one file per kind. Host projects add theirs in `<app>/triggers_hooks.py`."""

from triggers.conditions import contact_field, event_happened, group, message_reaction, shop_fact, tag
from triggers.conditions.base import BoundCondition, Condition, Verdict, bind, conditions

__all__ = [
    "BoundCondition",
    "Condition",
    "Verdict",
    "bind",
    "conditions",
    "contact_field",
    "event_happened",
    "group",
    "message_reaction",
    "shop_fact",
    "tag",
]
