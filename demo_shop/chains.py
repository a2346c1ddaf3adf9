"""The chains that come with the demo, with their letters and topics. Installed once; what the marketer changes stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from demo_shop.letters import LETTERS, TOPICS
from triggers.engine.publish import publish
from triggers.models import (
    Chain,
    ChainRule,
    Channel,
    FrequencyCap,
    MessageClass,
    RuleRole,
    SendingRule,
    Step,
    Template,
    Topic,
)


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A step with its branches."""

    key: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    branches: Mapping[str, Sequence[DemoStep]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class DemoChain:
    """A chain as it is drawn: trigger, goals, steps."""

    key: str
    name: str
    description: str
    entry: Mapping[str, Any]
    steps: Sequence[DemoStep]
    goals: Sequence[str] = ()
    priority: int = 0


HAS_A_CART = {"condition": {"kind": "shop_fact", "fact": "cart.count", "op": "gte", "value": 1}}
STILL_WANTS_IT = {
    "condition": {
        "kind": "all",
        "of": [HAS_A_CART["condition"], {"kind": "contact_field", "field": "phone", "op": "exists"}],
    }
}
NEVER_ORDERED = {"condition": {"kind": "shop_fact", "fact": "orders.count", "op": "eq", "value": 0}}

# At most so many marketing messages to one customer in so many days. Days of the clock on the wall, however fast the
# demo's waits pass: enough for its whole story, and a visitor who keeps on sees what a full cap looks like.
CAPS = {Channel.EMAIL: (5, 7), Channel.SMS: (2, 7)}

CART_TEXT_KEY = "cart_text"
CART_TEXT = "{{ shop.name }}: your cart ({{ cart.total|money:cart.currency }}) is still here: {{ cart.url }}"

CHAINS = (
    DemoChain(
        key="welcome",
        name="Welcome",
        description="Greets everybody who opens an account.",
        entry={"event": "sign_up", "re_entry": "once"},
        steps=[DemoStep("letter", "send_email", {"template": "welcome"})],
    ),
    DemoChain(
        key="abandoned_cart",
        name="Abandoned cart",
        description="A letter three hours after the last change of a cart, a text a day later; an order ends it at once.",
        entry={"event": "add_to_cart", "re_entry": "restart"},
        goals=["purchase"],
        priority=10,
        steps=[
            DemoStep(
                "three_hours",
                "wait",
                {"amount": 3, "unit": "hours"},
                note="Starts again when the cart changes.",
            ),
            DemoStep(
                "cart_is_full",
                "condition",
                HAS_A_CART,
                {
                    "yes": [
                        DemoStep("letter", "send_email", {"template": "abandoned_cart", "expires_hours": 24})
                    ],
                    "no": [DemoStep("nothing_left", "exit", {"why": "The cart is empty."})],
                },
            ),
            DemoStep("one_day", "wait", {"amount": 1, "unit": "days"}),
            DemoStep(
                "still_wants_it",
                "condition",
                STILL_WANTS_IT,
                {"yes": [DemoStep("text", "send_sms", {"template": CART_TEXT_KEY, "expires_hours": 24})]},
            ),
        ],
    ),
    DemoChain(
        key="order_thanks",
        name="Thanks for the order",
        description="Confirms every paid order. Transactional: it needs no consent.",
        entry={"event": "purchase", "re_entry": "per_object"},
        steps=[DemoStep("letter", "send_email", {"template": "order_thanks"})],
    ),
    DemoChain(
        key="no_purchase",
        name="Registered, no purchase yet",
        description="Offers help a day after signing up to those who have ordered nothing.",
        entry={"event": "sign_up", "re_entry": "once"},
        goals=["purchase"],
        steps=[
            DemoStep("one_day", "wait", {"amount": 1, "unit": "days"}),
            DemoStep(
                "never_ordered",
                "condition",
                NEVER_ORDERED,
                {"yes": [DemoStep("letter", "send_email", {"template": "no_purchase"})]},
            ),
        ],
    ),
)


@transaction.atomic
def install() -> None:
    """Add the topics, letters, rules and chains that are missing, and publish the chains that are new."""
    for topic in TOPICS:
        Topic.objects.get_or_create(
            key=topic.key, defaults={"name": topic.name, "description": topic.description}
        )
    _install_templates()
    _install_rules()
    for demo in CHAINS:
        if not Chain.objects.filter(key=demo.key).exists():
            _install_chain(demo)


def _install_templates() -> None:
    topics = {topic.key: topic for topic in Topic.objects.all()}
    for letter in LETTERS:
        Template.objects.get_or_create(
            key=letter.key,
            defaults={
                "name": letter.name,
                "message_class": letter.message_class,
                "topic": topics.get(letter.topic),
                "subject": letter.subject,
                "preheader": letter.preheader,
                "html": letter.html,
            },
        )
    Template.objects.get_or_create(
        key=CART_TEXT_KEY,
        defaults={
            "name": "Abandoned cart, text",
            "channel": "sms",
            "topic": topics["cart-reminders"],
            "text": CART_TEXT,
        },
    )


def _install_rules() -> None:
    """Caps on marketing. No quiet hours: who looks at the demo at night wants to see the letter, too."""
    for channel, (most, days) in CAPS.items():
        rule, is_new = SendingRule.objects.get_or_create(
            channel=channel, message_class=MessageClass.MARKETING
        )
        if is_new:
            FrequencyCap.objects.create(rule=rule, most=most, hours=24 * days)


def _install_chain(demo: DemoChain) -> None:
    chain = Chain.objects.create(
        key=demo.key,
        name=demo.name,
        description=demo.description,
        entry_config=dict(demo.entry),
        priority=demo.priority,
    )
    for event in demo.goals:
        ChainRule.objects.create(chain=chain, role=RuleRole.GOAL, event=event)
    _install_steps(chain, demo.steps, None, "")
    publish(chain)


def _install_steps(chain: Chain, steps: Sequence[DemoStep], parent: Step | None, branch: str) -> None:
    for position, one in enumerate(steps):
        step = Step.objects.create(
            chain=chain,
            key=one.key,
            kind=one.kind,
            config=dict(one.config),
            note=one.note,
            parent=parent,
            branch=branch,
            position=position,
        )
        for name, inner in one.branches.items():
            _install_steps(chain, inner, step, name)
