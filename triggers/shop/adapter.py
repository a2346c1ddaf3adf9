"""The shop as we see it: who a user is, live carts, orders and products. Batch methods only, safe defaults.

A host project names a subclass in `TRIGGERS["SHOP_ADAPTER"]` and overrides what it has. There is no per-contact form
of any question, so asking once per contact cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from triggers.conf import settings


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a cart or an order. `price` is for one piece, in the currency of the cart."""

    ref: str
    name: str
    price: Decimal
    quantity: int = 1
    url: str = ""
    image_url: str = ""

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """What lies in a contact's cart now. `url` brings the cart back on any device. `currency` is ISO 4217."""

    ref: str
    items: tuple[Item, ...]
    total: Decimal
    currency: str
    url: str = ""

    @property
    def count(self) -> int:
        return sum(item.quantity for item in self.items)


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `ref` is the object_ref of its events, e.g. `order:5`."""

    ref: str
    number: str
    status: str
    items: tuple[Item, ...]
    total: Decimal
    currency: str
    url: str = ""
    placed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What the shop knows about a user. What is empty is left as it is."""

    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    language: str = ""
    time_zone: str = ""
    birthday: date | None = None


@dataclass(frozen=True, slots=True)
class ShopInfo:
    """The shop's own contacts, for the foot of every letter."""

    name: str = ""
    url: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    logo_url: str = ""


@dataclass(frozen=True, slots=True)
class ContactRef:
    """A contact as the shop can find it: `external_id` is its user's primary key as text, "" for nobody's user."""

    id: int
    external_id: str
    email: str


class ShopAdapter:
    """Override what your shop has; a shop that overrides nothing still gets letters without goods."""

    # Facts that conditions may ask for, with their labels.
    facts: ClassVar[Mapping[str, Any]] = {
        "cart.total": _("Total of the cart"),
        "cart.count": _("Pieces in the cart"),
    }

    def contact_details(self, user: Any) -> ContactDetails:
        """What is known about a user of the host project."""
        return ContactDetails(
            email=getattr(user, "email", "") or "",
            first_name=getattr(user, "first_name", "") or "",
            last_name=getattr(user, "last_name", "") or "",
        )

    def shop(self) -> ShopInfo:
        return ShopInfo(url=settings.BASE_URL)

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        """Live carts by contact id; contacts whose cart is empty are absent."""
        return {}

    def last_orders(self, contacts: Sequence[ContactRef]) -> dict[int, Order]:
        """The latest order of each contact, by contact id."""
        return {}

    def orders(self, refs: Sequence[str]) -> dict[str, Order]:
        """Orders by their object_ref."""
        return {}

    def stock(self, refs: Sequence[str]) -> dict[str, int]:
        """Pieces in stock by the `item_id` of events; what is absent is taken to be there."""
        return {}

    def load_facts(self, names: Sequence[str], contacts: Sequence[ContactRef]) -> dict[int, dict[str, Any]]:
        """Values of the named facts by contact id. A shop that adds facts overrides this and calls super()."""
        found: dict[int, dict[str, Any]] = {contact.id: {} for contact in contacts}
        if any(name.startswith("cart.") for name in names):
            carts = self.carts(contacts)
            for contact in contacts:
                cart = carts.get(contact.id)
                found[contact.id] |= {"cart.total": cart.total, "cart.count": cart.count} if cart else NO_CART
        return found


NO_CART: dict[str, Any] = {"cart.total": Decimal(0), "cart.count": 0}


def get_adapter() -> ShopAdapter:
    """The host's adapter, a new instance: adapters hold no state."""
    adapter = import_string(settings.SHOP_ADAPTER)()
    if not isinstance(adapter, ShopAdapter):
        raise TypeError(f"{settings.SHOP_ADAPTER} is not a ShopAdapter")
    return adapter
