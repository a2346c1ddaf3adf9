"""Contacts, chains and letters for tests, in as few words as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triggers import consent
from triggers.engine.publish import publish
from triggers.models import (
    Chain,
    ChainRule,
    Contact,
    FrequencyCap,
    SendingRule,
    Step,
    Template,
    Topic,
)

# A step as `(key, kind, config)`, or with its branches: `(key, kind, config, {"yes": [...], "no": [...]})`.
Tree = Sequence[tuple[Any, ...]]


def make_contact(number: int = 1, *, agrees: bool = True, **fields: Any) -> Contact:
    """A contact with an address, who has agreed to e-mail and SMS unless told otherwise."""
    email = fields.pop("email", f"person{number}@example.com")
    phone = fields.pop("phone", f"+1202555{number % 10_000:04}")
    contact = Contact.objects.create(email=email, email_key=email.lower(), phone=phone, **fields)
    if agrees:
        for channel in ("email", "sms"):
            consent.grant(contact, channel, source="test", text="yes")
    return contact


def make_template(key: str = "reminder", **fields: Any) -> Template:
    """A letter (or, with channel="sms", a text) that renders for every contact."""
    topic, _ = Topic.objects.get_or_create(key="news", defaults={"name": "News"})
    defaults: dict[str, Any] = {
        "name": key,
        "topic": topic,
        "subject": "You left something",
        "html": '<p>Hello! <a href="{{ links.unsubscribe }}">No more of these</a></p>',
        "text": "",
    }
    if fields.get("channel") == "sms":
        defaults |= {"subject": "", "html": "", "text": "Your cart waits."}
    return Template.objects.create(key=key, **(defaults | fields))


def make_rule(*caps: tuple[int, int], quiet: str = "", **fields: Any) -> SendingRule:
    """The shop's rule, for marketing letters unless told otherwise: caps as `(most, hours)`, quiet hours as `22:00-08:00`."""
    start, _dash, end = quiet.partition("-")
    times = {"quiet_from": start, "quiet_until": end} if quiet else {}
    rule = SendingRule.objects.create(**(times | fields))
    for most, hours in caps:
        FrequencyCap.objects.create(rule=rule, most=most, hours=hours)
    return rule


def draft_chain(
    steps: Tree,
    *,
    key: str = "chain",
    event: str = "add_to_cart",
    re_entry: str = "every_time",
    goals: Sequence[str] = (),
    exits: Sequence[str] = (),
    quiet: str = "",
    priority: int = 0,
    entry_kind: str = "event",
    entry_config: dict[str, Any] | None = None,
    **entry: Any,
) -> Chain:
    """An unpublished chain, started by an event unless another kind of entry is named with its settings."""
    start, _dash, end = quiet.partition("-")
    chain = Chain.objects.create(
        key=key,
        name=key,
        entry_kind=entry_kind,
        entry_config={"event": event, "re_entry": re_entry, **entry}
        if entry_config is None
        else entry_config,
        quiet_from=start or None,
        quiet_until=end or None,
        priority=priority,
    )
    for role, names in (("goal", goals), ("exit", exits)):
        for name in names:
            ChainRule.objects.create(chain=chain, role=role, event=name)
    _add(chain, steps, None, "")
    chain.refresh_from_db()
    return chain


def live_chain(steps: Tree, **options: Any) -> Chain:
    """A published chain; it only sees events that are captured after this."""
    chain = draft_chain(steps, **options)
    publish(chain)
    chain.refresh_from_db()
    return chain


def _add(chain: Chain, steps: Tree, parent: Step | None, branch: str) -> None:
    for position, (key, kind, config, *rest) in enumerate(steps):
        step = Step.objects.create(
            chain=chain, key=key, kind=kind, config=config, parent=parent, branch=branch, position=position
        )
        for name, inner in (rest[0] if rest else {}).items():
            _add(chain, inner, step, name)
