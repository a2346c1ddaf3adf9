"""The letters that come with the demo: the HTML of each in a file beside this one, its frame in `frame/`, in the language of templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class DemoTopic:
    """What a reader can unsubscribe from."""

    key: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. `key` names its file; `topic` is a key of `TOPICS`, empty for a transactional letter."""

    key: str
    name: str
    subject: str
    preheader: str
    topic: str = ""

    @property
    def message_class(self) -> Literal["marketing", "transactional"]:
        return "marketing" if self.topic else "transactional"

    @property
    def html(self) -> str:
        """The letter's own part in the frame that all letters share; the closing words go with the class."""
        parts = ("frame/top", self.key, "frame/contacts", f"frame/{self.message_class}")
        return "".join((FOLDER / f"{part}.html").read_text() for part in parts)


TOPICS = (
    DemoTopic("news", "News and tips", "New things in the shop and how to light a room. Twice a month."),
    DemoTopic("cart-reminders", "Cart reminders", "A note when something is left in the cart."),
)

LETTERS = (
    Letter(
        key="welcome",
        name="Welcome",
        subject="Welcome to {{ shop.name }}",
        preheader="Your account is ready. Three rules for good light inside.",
        topic="news",
    ),
    Letter(
        key="abandoned_cart",
        name="Abandoned cart",
        subject=(
            "{% if contact.first_name %}{{ contact.first_name }}, you{% else %}You{% endif %} "
            "left something in your cart"
        ),
        preheader=(
            "{% for item in cart.items %}{% if forloop.first %}{{ item.name|truncatechars:60 }}{% endif %}{% endfor %}"
            "{% if cart.count > 1 %} and more{% endif %}, just as you left it."
        ),
        topic="cart-reminders",
    ),
    Letter(
        key="order_thanks",
        name="Thanks for the order",
        subject="Your order {{ order.number }} at {{ shop.name }}",
        preheader="Paid and being packed: {{ order.total|money:order.currency }}.",
    ),
    Letter(
        key="no_purchase",
        name="Registered, no purchase yet",
        subject="Can we help you choose?",
        preheader="Thirty days at home, free delivery from 100 euros, and somebody to ask.",
        topic="news",
    ),
)
