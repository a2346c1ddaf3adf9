"""A shop in memory, the demo's abandoned-cart letter, and contacts on whose journeys it is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from triggers.shop import Cart, ContactRef, Item, ShopAdapter, ShopInfo

Context = dict[str, Any]
# Different carts: one to five things in each.
CARTS = 50
LANE = "email.marketing"
TEMPLATE = "abandoned_cart"
SHOP = ShopInfo(
    name="Lamps & Co",
    url="https://shop.example",
    email="hello@shop.example",
    phone="+1 202 555 0199",
    address="1 Light Street, 12345 Lampton",
    logo_url="https://shop.example/logo.png",
)
# The demo's chain, without the text message at its end.
CHAIN = [
    ("three_hours", "wait", {"amount": 3, "unit": "hours"}),
    ("letter", "send_email", {"template": TEMPLATE, "expires_hours": 24}),
    ("one_day", "wait", {"amount": 1, "unit": "days"}),
]


class MemoryShop(ShopAdapter):
    """Every contact has a cart, and asking for it costs nothing: it is not the shop that is measured."""

    def shop(self) -> ShopInfo:
        return SHOP

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        return {contact.id: cart(contact.id % CARTS) for contact in contacts}


@cache
def cart(number: int) -> Cart:
    """One customer's cart with one to five things in it."""
    items = tuple(
        Item(
            ref=f"lamp-{n}",
            name=f"Table lamp “Evening” <{number} & {n}>",
            price=Decimal("49.90") + n,
            quantity=n + 1,
            url=f"https://shop.example/lamps/{n}",
            image_url=f"https://shop.example/media/lamps/{n}.jpg",
        )
        for n in range(1 + number % 5)
    )
    total = sum((item.total for item in items), Decimal(0))
    return Cart(f"cart:{number}", items, total, "EUR", f"https://shop.example/cart/restore/{number}")


def context(number: int, unsubscribe: str = "") -> Context:
    """What the letter to a contact is filled with, as a sender reads it."""
    from triggers.content.context import cart_data, link_data, shop_data

    return {
        "contact": {
            "first_name": f"Anna{number}",
            "last_name": "Lind",
            "email": address(number),
            "phone": "+12025550123",
            "language": "en",
            "attributes": {},
        },
        "shop": shop_data(SHOP),
        "event": None,
        "cart": cart_data(cart(number % CARTS)),
        "order": None,
        "links": link_data(unsubscribe or f"https://shop.example/u/{number}"),
    }


def address(number: int) -> str:
    return f"person{number}@example.com"


@cache
def the_source() -> Any:
    """The abandoned-cart letter of the demo shop."""
    from triggers.content.letter import LetterSource

    letter = _demo_letter()
    return LetterSource(letter.subject, letter.preheader, letter.html)


def add_chain() -> Any:
    """The letter, and a live chain that sends it."""
    from tests.build import live_chain
    from triggers.models import Topic

    add_template(topic=Topic.objects.create(key=_demo_letter().topic, name="Cart reminders"))
    return live_chain(CHAIN, goals=["purchase"])


def add_template(**fields: Any) -> None:
    """The letter as a template; a transactional one needs no topic."""
    from triggers.models import Template

    letter, source = _demo_letter(), the_source()
    Template.objects.create(
        key=letter.key,
        name=letter.name,
        subject=source.subject,
        preheader=source.preheader,
        html=source.html,
        **fields,
    )


def add_journeys(chain: Any, count: int) -> None:
    """Contacts 1 to `count` who agree to letters, four events each, and a journey each that stands behind the letter."""
    from django.utils import timezone

    from triggers.models import Consent, Event, Journey

    add_contacts(count)
    now, began = timezone.now(), timezone.now() - timedelta(hours=3)
    numbers = range(1, count + 1)
    Consent.objects.bulk_create(
        Consent(contact_id=n, channel="email", is_granted=True, said_at=began, source="bench")
        for n in numbers
    )
    Event.objects.bulk_create(
        Event(
            id=4 * n + k,
            contact_id=n,
            name=name,
            occurred_at=began,
            recorded_at=began,
            data={"value": 129.8, "currency": "EUR"},
            object_ref=f"cart:{n % CARTS}",
        )
        for n in numbers
        for k, name in enumerate(("login", "page_view", "view_item", "add_to_cart"))
    )
    Journey.objects.bulk_create(
        Journey(
            id=n,
            shard=n % 64,
            chain=chain,
            version_id=chain.live_version_id,
            contact_id=n,
            step="one_day",
            since=now,
            seq=3,
            messages_queued=1,
            due_at=now + timedelta(days=1),
            entered_at=began,
            entry_event_id=4 * n + 3,
            object_ref=f"cart:{n % CARTS}",
        )
        for n in numbers
    )


def add_contacts(count: int) -> None:
    from triggers.models import Contact

    Contact.objects.bulk_create(
        [
            Contact(
                id=n,
                external_id=str(n),
                email=address(n),
                email_key=address(n),
                first_name=f"Anna{n}",
                last_name="Lind",
                language="en",
                time_zone="Europe/Berlin",
            )
            for n in range(1, count + 1)
        ],
        batch_size=5_000,
    )


def queue_letters(chain: Any, count: int) -> None:
    """The letter queued for contacts 1 to `count`, and nothing else."""
    from django.utils import timezone

    from benchmarks.harness.database import run_sql, tidy
    from triggers.models import Message, Topic

    run_sql("TRUNCATE triggers_message, triggers_messagebody")
    now, topic = timezone.now() - timedelta(seconds=5), Topic.objects.get()
    Message.objects.bulk_create(
        Message(
            journey_id=n,
            seq=3,
            chain=chain,
            contact_id=n,
            step="letter",
            template_key=TEMPLATE,
            channel="email",
            message_class="marketing",
            lane=LANE,
            topic=topic,
            address=address(n),
            created_at=now,
            send_after=now,
            expires_at=now + timedelta(days=1),
        )
        for n in range(1, count + 1)
    )
    tidy("triggers_message", "triggers_messagebody")


def list_headers(number: int) -> Mapping[str, str]:
    """The headers that our senders give a marketing letter, with made-up values of the same length."""
    return {
        "Message-ID": f"<{number:032x}@shop.example>",
        "List-Unsubscribe": f"<{unsubscribe_link(number)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "<cart-reminders.shop.example>",
    }


def unsubscribe_link(number: int) -> str:
    return f"https://shop.example/triggers/unsubscribe/{number:032x}.{'x' * 43}/"


def _demo_letter() -> Any:
    from demo_shop.letters import LETTERS

    return next(one for one in LETTERS if one.key == TEMPLATE)
