"""What can be done with an order. Pages and admin call the same verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import F
from django.utils import timezone

import triggers
from demo_shop.carts import Line, ShopperCart, take_from_stock, total_of
from demo_shop.events import goods
from demo_shop.models import Order, OrderLine, OrderStatus, Product
from demo_shop.models.order import Delivery
from triggers.models import Event

FREE_SHIPPING_FROM = Decimal(100)
SHIPPING = {Delivery.STANDARD: Decimal("4.90"), Delivery.EXPRESS: Decimal("12.90")}
NEXT_STATUSES = {
    OrderStatus.PLACED: (OrderStatus.PAID, OrderStatus.CANCELLED),
    OrderStatus.PAID: (OrderStatus.SHIPPED, OrderStatus.CANCELLED),
    OrderStatus.SHIPPED: (OrderStatus.DELIVERED,),
    OrderStatus.DELIVERED: (),
    OrderStatus.CANCELLED: (),
}
LINK_SALT = "demo_shop.order"


class EmptyCart(Exception):
    """There is nothing to order; perhaps the form was sent twice."""


class OutOfStock(Exception):
    """Somebody was faster; `lines` are those of which there are too few."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        super().__init__(", ".join(line.product.name for line in lines))


class WrongStatus(Exception):
    """An order cannot go from its status to that one."""


def shipping_for(total: Decimal, delivery: str) -> Decimal:
    if delivery == Delivery.STANDARD and total >= FREE_SHIPPING_FROM:
        return Decimal(0)
    return SHIPPING[Delivery(delivery)]


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order would cost with one kind of delivery."""

    delivery: Delivery
    shipping: Decimal
    total: Decimal


def quotes_for(goods_total: Decimal) -> list[Quote]:
    """One for every kind of delivery, in the order of the form's choices."""
    costs = [(delivery, shipping_for(goods_total, delivery)) for delivery in Delivery]
    return [Quote(delivery, shipping, goods_total + shipping) for delivery, shipping in costs]


def place_order(cart: ShopperCart, details: dict[str, Any]) -> Order:
    """Turn the cart into an order that waits for its payment. Raises EmptyCart or OutOfStock; the cart then stays.

    `details` are the order's own fields: e-mail, names, address, delivery, note.
    """
    with transaction.atomic():
        lines = cart.lines()
        if not lines:
            raise EmptyCart
        missing = take_from_stock(lines)
        if missing:
            raise OutOfStock(missing)
        total = total_of(lines)
        shipping = shipping_for(total, details["delivery"])
        order = Order.objects.create(user=cart.owner, shipping=shipping, total=total + shipping, **details)
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                product=line.product,
                name=line.product.name,
                price=line.product.price,
                quantity=line.quantity,
            )
            for line in lines
        )
        cart.clear()
    return order


def change_status(order: Order, status: str) -> Order:
    """Move an order on; the event about it comes from `triggers_hooks`. Raises WrongStatus."""
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if status not in NEXT_STATUSES[OrderStatus(locked.status)]:
            raise WrongStatus(f"{locked.status} to {status}")
        locked.status = status
        if status == OrderStatus.PAID:
            locked.paid_at = timezone.now()
        locked.save(update_fields=["status", "paid_at"])
        if status == OrderStatus.PAID:
            _introduce(_capture("purchase", locked), locked)
        if status == OrderStatus.CANCELLED:
            _give_back(locked)
    return locked


def order_token(order: Order) -> str:
    """The secret of a link that shows this order to whoever got its letter."""
    return signing.dumps(order.pk, salt=LINK_SALT)


def order_of_token(token: str) -> Order | None:
    try:
        return Order.objects.filter(pk=signing.loads(token, salt=LINK_SALT)).first()
    except signing.BadSignature:
        return None


def _give_back(order: Order) -> None:
    for line in order.lines.order_by("product_id"):
        Product.objects.filter(pk=line.product_id).update(stock=F("stock") + line.quantity)
    if order.paid_at:
        _capture("refund", order)


def _introduce(purchase: Event | None, order: Order) -> None:
    """A guest's contact has only an address; the letter of thanks should know the name that came with the order.

    A customer's name is the account's, and an address that has a name already is not renamed by whoever types it.
    """
    contact = purchase.contact if purchase else None
    if contact is None or contact.external_id or contact.first_name or contact.last_name:
        return
    contact.first_name, contact.last_name = order.first_name, order.last_name
    contact.save(update_fields=["first_name", "last_name", "updated_at"])


def _capture(name: str, order: Order) -> Event | None:
    lines = order.lines.select_related("product__category")
    data = {
        **goods(lines),
        "value": order.total,
        "shipping": order.shipping,
        "transaction_id": order.number,
    }
    return triggers.capture(
        name, contact=order.user or order.email, data=data, object_ref=f"order:{order.pk}"
    )
