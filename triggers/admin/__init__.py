"""The stock admin: one file per page. Pages show and wire; what is done is done by `engine/`, `delivery/` and `content/`."""

from triggers.admin import (
    chain,
    contact,
    event,
    fanout,
    heartbeat,
    journey,
    message,
    sending_rule,
    suppression,
    template,
    topic,
)

__all__ = [
    "chain",
    "contact",
    "event",
    "fanout",
    "heartbeat",
    "journey",
    "message",
    "sending_rule",
    "suppression",
    "template",
    "topic",
]
