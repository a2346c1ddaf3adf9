"""What can be done with an order. Pages and admin call the same verbs."""

from __future__ import annotations

from collections.abc import Sequence
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
            _capture("purchase", locked)
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


def _capture(name: str, order: Order) -> None:
    lines = order.lines.select_related("product__category")
    data = {
        **goods(lines),
        "value": order.total,
        "shipping": order.shipping,
        "transaction_id": order.number,
    }
    triggers.capture(name, contact=order.user or order.email, data=data, object_ref=f"order:{order.pk}")
