"""The shop adapter for django-oscar: `TRIGGERS["SHOP_ADAPTER"] = "triggers.shop.oscar.OscarAdapter"`.

Prices are those that lie in the basket; offers and vouchers are worked out by oscar at the checkout. A shop that has more to
tell subclasses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings as django_settings
from django.urls import reverse

from triggers.conf import settings
from triggers.shop.adapter import Cart, ContactRef, Item, Order, ShopAdapter, ShopInfo

# The product's own pictures, and its parent's, which stand for a variant that has none.
GOODS = ("lines__product__images", "lines__product__parent__images")


class OscarAdapter(ShopAdapter):
    """Open baskets and orders of oscar, whether its apps are forked or not."""

    def shop(self) -> ShopInfo:
        return ShopInfo(name=getattr(django_settings, "OSCAR_SHOP_NAME", ""), url=settings.BASE_URL)

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        basket = _model("basket", "Basket")
        by_user = {one.external_id: one.id for one in contacts if one.external_id}
        rows = basket._default_manager.filter(owner__in=by_user, status=basket.OPEN, lines__isnull=False)
        found = {}
        # Where somebody has several, the latest.
        for one in rows.distinct().order_by("pk").prefetch_related(*GOODS):
            found[by_user[str(one.owner_id)]] = self.cart(one)
        return found

    def last_orders(self, contacts: Sequence[ContactRef]) -> dict[int, Order]:
        by_user = {one.external_id: one.id for one in contacts if one.external_id}
        by_address = {one.email.lower(): one.id for one in contacts if one.email}
        found = {}
        rows = _model("order", "Order")._default_manager
        for one in _with_goods(rows.filter(user__in=by_user)):
            found[by_user[str(one.user_id)]] = one
        for one in _with_goods(rows.filter(user=None, guest_email__in=by_address)):
            found.setdefault(by_address[one.guest_email.lower()], one)
        return {contact_id: self.order(one) for contact_id, one in found.items()}

    def orders(self, refs: Sequence[str]) -> dict[str, Order]:
        ids = [ref.partition(":")[2] for ref in refs if ref.startswith("order:")]
        rows = _model("order", "Order")._default_manager.filter(
            pk__in=[one for one in ids if one.isdecimal()]
        )
        return {f"order:{one.pk}": self.order(one) for one in _with_goods(rows)}

    def cart(self, basket: Any) -> Cart:
        lines = list(basket.lines.all())
        items = tuple(self.item(one, _unit_price(one)) for one in lines)
        total = sum((item.total for item in items), Decimal(0))
        return Cart(f"cart:{basket.pk}", items, total, lines[0].price_currency, _link("basket:summary"))

    def order(self, order: Any) -> Order:
        items = tuple(self.item(one, one.unit_price_incl_tax or Decimal(0)) for one in order.lines.all())
        return Order(
            ref=f"order:{order.pk}",
            number=order.number,
            status=order.status,
            items=items,
            total=order.total_incl_tax,
            currency=order.currency,
            url=_link("customer:order", order.number) if order.user_id else "",
            placed_at=order.date_placed,
        )

    def item(self, line: Any, price: Decimal) -> Item:
        """A line of a basket or an order; the product of an order may be gone."""
        product = line.product
        if product is None:
            return Item(line.upc or "", line.title, price, line.quantity)
        return Item(
            ref=product.upc or str(product.pk),
            name=product.get_title(),
            price=price,
            quantity=line.quantity,
            url=settings.BASE_URL.rstrip("/") + product.get_absolute_url(),
            image_url=_picture(product),
        )


def _model(app: str, name: str) -> Any:
    from oscar.core.loading import get_model

    return get_model(app, name)


def _with_goods(rows: Any) -> Iterable[Any]:
    """Oldest first."""
    found: Iterable[Any] = rows.order_by("pk").prefetch_related(*GOODS)
    return found


def _unit_price(line: Any) -> Decimal:
    known = (line.price_incl_tax, line.price_excl_tax)
    return next((price for price in known if price is not None), Decimal(0))


def _picture(product: Any) -> str:
    pictures = list(product.images.all()) or (list(product.parent.images.all()) if product.parent_id else [])
    if not pictures or not pictures[0].original:
        return ""
    url = str(pictures[0].original.url)
    return url if url.startswith("http") else settings.BASE_URL.rstrip("/") + url


def _link(name: str, *arguments: str) -> str:
    return settings.BASE_URL.rstrip("/") + reverse(name, args=arguments)
