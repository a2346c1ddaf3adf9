"""The plain data that letters are filled with, read for a whole batch of messages at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from triggers.conf import settings
from triggers.content.deadline import check, new_deadline
from triggers.links import unsubscribe_url
from triggers.models import Contact, Event, Journey, Message
from triggers.shop import Cart, ContactRef, Item, Order, ShopAdapter, ShopInfo, get_adapter

Context = dict[str, Any]


def letter_contexts(messages: Sequence[Message], uses: Collection[str]) -> dict[int, Context]:
    """Context by message id; `messages` come with their contacts. `uses` are the paths that the letters name:
    carts, orders and events are only read when one of them does.

    The shop is asked for all at once, which is on nobody's clock; what it gives may be lazy, and then the message's own
    time counts. Raises RenderError when one takes too long.
    """
    adapter = get_adapter()
    roots = {path.partition(".")[0] for path in uses}
    contacts = [contact_ref(message.contact) for message in messages]
    journeys = _journeys(messages) if roots & {"event", "order"} else {}
    events = _events(journeys) if "event" in roots else {}
    carts = adapter.carts(contacts) if "cart" in roots else {}
    orders = _orders(adapter, messages, contacts, journeys) if "order" in roots else {}
    shop = shop_data(adapter.shop())
    contexts: dict[int, Context] = {}
    for message in messages:
        ends_at = new_deadline()
        contexts[message.pk] = {
            "contact": contact_data(message.contact),
            "shop": shop,
            "event": event_data(events.get(message.journey_id)),
            "cart": cart_data(carts.get(message.contact_id)),
            "order": order_data(orders.get(message.pk)),
            "links": link_data(unsubscribe_url(message.uid)),
        }
        check(ends_at)
    return contexts


def preview_context(contact: Contact | None, uses: Collection[str]) -> Context:
    """What a letter would be filled with for this contact now; for nobody, and where the contact has no cart, order or
    event, a made-up customer's. Its links lead nowhere."""
    adapter = get_adapter()
    context = sample_context() | {"shop": shop_data(adapter.shop())}
    if contact is None:
        return context
    context["contact"] = contact_data(contact)
    ref = contact_ref(contact)
    cart = adapter.carts([ref]).get(contact.pk)
    order = adapter.last_orders([ref]).get(contact.pk)
    event = contact.events.order_by("-pk").first()
    context |= {"cart": cart_data(cart)} if cart else {}
    context |= {"order": order_data(order)} if order else {}
    context |= {"event": event_data(event)} if event else {}
    return context


def contact_ref(contact: Contact) -> ContactRef:
    """A contact as the shop adapter takes it."""
    return ContactRef(contact.pk, contact.external_id or "", contact.email)


def contact_data(contact: Contact) -> Context:
    return {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "phone": contact.phone or "",
        "language": contact.language,
        "attributes": contact.attributes,
    }


def shop_data(shop: ShopInfo) -> Context:
    return {
        "name": shop.name,
        "url": shop.url,
        "email": shop.email,
        "phone": shop.phone,
        "address": shop.address,
        "logo_url": shop.logo_url,
    }


def event_data(event: Event | None) -> Context | None:
    if event is None:
        return None
    return {"name": event.name, "occurred_at": event.occurred_at, "data": event.data}


def cart_data(cart: Cart | None) -> Context | None:
    if cart is None:
        return None
    return {
        "ref": cart.ref,
        "items": [_item_data(item) for item in cart.items],
        "total": cart.total,
        "currency": cart.currency,
        "url": cart.url,
        "count": cart.count,
    }


def order_data(order: Order | None) -> Context | None:
    if order is None:
        return None
    return {
        "number": order.number,
        "status": order.status,
        "items": [_item_data(item) for item in order.items],
        "total": order.total,
        "currency": order.currency,
        "url": order.url,
        "placed_at": order.placed_at,
    }


def link_data(unsubscribe: str) -> Context:
    return {"unsubscribe": unsubscribe, "preferences": unsubscribe}


def sample_context() -> Context:
    """A made-up customer, cart and order, for previews without a contact and for checking templates."""
    base = settings.BASE_URL.rstrip("/")
    items = (
        Item("1", _("Table lamp “Evening”"), Decimal("49.90"), 2, f"{base}/#lamp", ""),
        Item(
            "2",
            _("Linen lampshade with a name that is rather long"),
            Decimal("120.00"),
            1,
            f"{base}/#shade",
            "",
        ),
    )
    total = sum((item.total for item in items), Decimal(0))
    moment: datetime = timezone.now()
    return {
        "contact": {
            "first_name": _("Anna"),
            "last_name": _("Lind"),
            "email": "anna@example.com",
            "phone": "+12025550123",
            "language": "",
            "attributes": {},
        },
        "shop": shop_data(ShopInfo(url=base)),
        "event": {"name": "add_to_cart", "occurred_at": moment, "data": {}},
        "cart": cart_data(Cart("sample", items, total, "EUR", f"{base}/#cart")),
        "order": order_data(Order("order:0", "1000", "new", items, total, "EUR", f"{base}/#order", moment)),
        "links": link_data(f"{base}/#unsubscribe"),
    }


def _item_data(item: Item) -> Context:
    return {
        "ref": item.ref,
        "name": item.name,
        "price": item.price,
        "quantity": item.quantity,
        "total": item.total,
        "url": item.url,
        "image_url": item.image_url,
    }


def _journeys(messages: Sequence[Message]) -> dict[int, Journey]:
    ids = [message.journey_id for message in messages if message.journey_id]
    return Journey.objects.only("pk", "object_ref", "entry_event_id").in_bulk(ids)


def _events(journeys: Mapping[int, Journey]) -> dict[int | None, Event]:
    """The event that started each journey, by journey id."""
    events = Event.objects.in_bulk([one.entry_event_id for one in journeys.values() if one.entry_event_id])
    return {pk: events[one.entry_event_id] for pk, one in journeys.items() if one.entry_event_id in events}


def _orders(
    adapter: ShopAdapter,
    messages: Sequence[Message],
    contacts: Sequence[ContactRef],
    journeys: Mapping[int, Journey],
) -> dict[int, Order]:
    """The order that each message's journey is about, or else the contact's latest, by message id."""
    refs = {pk: one.object_ref for pk, one in journeys.items() if one.object_ref}
    about = adapter.orders(sorted(set(refs.values()))) if refs else {}
    last = adapter.last_orders(contacts)
    found = {
        message.pk: about.get(refs.get(message.journey_id or 0, "")) or last.get(message.contact_id)
        for message in messages
    }
    return {pk: order for pk, order in found.items() if order}
