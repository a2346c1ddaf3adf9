"""What `triggers` may ask this shop. Every method takes a whole batch and costs a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

from django.db.models import Count, Max, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from demo_shop import models
from demo_shop.carts import restore_token
from demo_shop.orders import order_token
from triggers.conf import settings
from triggers.shop.adapter import (
    Cart,
    ContactDetails,
    ContactRef,
    Item,
    Order,
    ShopAdapter,
    ShopInfo,
)


class DemoShopAdapter(ShopAdapter):
    facts = {
        **ShopAdapter.facts,
        "orders.count": _("Number of paid orders"),
        "orders.total": _("Total of paid orders"),
    }

    def contact_details(self, user: Any) -> ContactDetails:
        profile = models.Profile.objects.filter(user=user).first()
        return ContactDetails(
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            phone=profile.phone if profile else "",
            language=profile.language if profile else "",
        )

    def shop(self) -> ShopInfo:
        return ShopInfo(
            name="Glow & Grain",
            url=settings.BASE_URL,
            email="hello@glowandgrain.example",
            phone="+49 30 23125 142",
            address="Lampenweg 4, 10115 Berlin",
            logo_url=_absolute("/media/logo.png"),
        )

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        by_user = _by_user(contacts)
        rows = models.CartLine.objects.filter(cart__user__in=by_user).select_related("cart", "product")
        lines: dict[models.Cart, list[models.CartLine]] = defaultdict(list)
        for row in rows:
            lines[row.cart].append(row)
        return {by_user[cart.user_id]: _cart(cart, rows) for cart, rows in lines.items()}

    def last_orders(self, contacts: Sequence[ContactRef]) -> dict[int, Order]:
        newest: dict[int, int] = {}
        for contact_id, row in _order_rows(contacts, last=Max("pk")):
            newest[contact_id] = max(newest.get(contact_id, 0), row["last"])
        orders = _orders(newest.values())
        return {contact_id: orders[pk] for contact_id, pk in newest.items() if pk in orders}

    def orders(self, refs: Sequence[str]) -> dict[str, Order]:
        pks = {ref: int(ref.removeprefix("order:")) for ref in refs if _is_order_ref(ref)}
        orders = _orders(pks.values())
        return {ref: orders[pk] for ref, pk in pks.items() if pk in orders}

    def load_facts(self, names: Sequence[str], contacts: Sequence[ContactRef]) -> dict[int, dict[str, Any]]:
        found = super().load_facts(names, contacts)
        if not any(name.startswith("orders.") for name in names):
            return found
        for facts in found.values():
            facts |= {"orders.count": 0, "orders.total": Decimal(0)}
        paid = Q(paid_at__isnull=False) & ~Q(status=models.OrderStatus.CANCELLED)
        for contact_id, row in _order_rows(contacts, paid, count=Count("pk"), total=Sum("total")):
            found[contact_id]["orders.count"] += row["count"]
            found[contact_id]["orders.total"] += row["total"]
        return found


def _by_user(contacts: Sequence[ContactRef]) -> dict[int, int]:
    """Contact id by user id of the contacts that are customers."""
    return {int(contact.external_id): contact.id for contact in contacts if _is_user_key(contact.external_id)}


def _is_user_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _is_order_ref(ref: str) -> bool:
    return ref.startswith("order:") and _is_user_key(ref.removeprefix("order:"))


def _order_rows(
    contacts: Sequence[ContactRef], only: Q | None = None, **sums: Any
) -> Iterable[tuple[int, dict[str, Any]]]:
    """Sums over each contact's orders: those of the account, and those made as a guest with the same address."""
    orders = models.Order.objects.filter(only) if only else models.Order.objects.all()
    by_user = _by_user(contacts)
    by_email = {contact.email.lower(): contact.id for contact in contacts if contact.email}
    customers = orders.filter(user__in=by_user).order_by()
    for row in cast(Iterable[Any], customers.values("user").annotate(**sums)):
        yield by_user[row["user"]], row
    guests = orders.filter(user=None, email__in=by_email).order_by()
    for row in cast(Iterable[Any], guests.values("email").annotate(**sums)):
        yield by_email[row["email"]], row


def _orders(pks: Iterable[int]) -> dict[int, Order]:
    rows = models.Order.objects.filter(pk__in=list(pks)).prefetch_related("lines__product")
    return {row.pk: _order(row) for row in rows}


def _order(row: models.Order) -> Order:
    return Order(
        ref=f"order:{row.pk}",
        number=row.number,
        status=row.status,
        items=tuple(_item(line.product, line.name, line.price, line.quantity) for line in row.lines.all()),
        total=row.total,
        currency=row.currency,
        url=_absolute(reverse("demo_shop:order_link", args=[order_token(row)])),
        placed_at=row.placed_at,
    )


def _cart(cart: models.Cart, rows: Sequence[models.CartLine]) -> Cart:
    return Cart(
        ref=f"cart:{cart.pk}",
        items=tuple(_item(row.product, row.product.name, row.product.price, row.quantity) for row in rows),
        total=sum((row.total for row in rows), Decimal(0)),
        currency=models.CURRENCY,
        url=_absolute(reverse("demo_shop:restore_cart", args=[restore_token(cart.pk)])),
    )


def _item(product: models.Product, name: str, price: Decimal, quantity: int) -> Item:
    return Item(
        ref=product.sku,
        name=name,
        price=price,
        quantity=quantity,
        url=_absolute(product.get_absolute_url()),
        image_url=_absolute(product.image.url) if product.image else "",
    )


def _absolute(path: str) -> str:
    """An address for a letter; pictures may already have one, on another server."""
    return path if "://" in path else settings.BASE_URL.rstrip("/") + path
