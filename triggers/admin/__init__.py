"""The stock admin: one file per page. Pages show and wire; what is done is done by `engine/`, `delivery/` and `content/`."""

from triggers.admin import (
    api_key,
    chain,
    contact,
    event,
    fanout,
    heartbeat,
    journey,
    message,
    segment,
    sending_rule,
    source_rule,
    suppression,
    template,
    topic,
)

__all__ = [
    "api_key",
    "chain",
    "contact",
    "event",
    "fanout",
    "heartbeat",
    "journey",
    "message",
    "segment",
    "sending_rule",
    "source_rule",
    "suppression",
    "template",
    "topic",
]
