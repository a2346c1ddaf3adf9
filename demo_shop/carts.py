"""The cart of whoever is shopping: in the session before login, in the database after it, with one interface.

Changes of a cart are events in the same transaction: of the customer, or of a visitor who may turn out to be one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.db.models import F, Sum
from django.http import HttpRequest
from django.utils import timezone

import triggers
from demo_shop.events import goods
from demo_shop.models import MOST_PIECES, Cart, CartLine, Product

SESSION_KEY = "cart"
RESTORE_SALT = "demo_shop.restore_cart"
# A letter with the link may lie unread for a while.
RESTORE_SECONDS = 60 * 24 * 3600


class NotEnough(Exception):
    """More pieces were asked for than may lie in the cart; `most` is how many may."""

    def __init__(self, product: Product, most: int) -> None:
        self.product, self.most = product, most
        super().__init__(product.name)


@dataclass(frozen=True, slots=True)
class Line:
    """One product in a cart."""

    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


class ShopperCart:
    """What both kinds of cart share."""

    # Object reference of the cart's events; a cart in a session has none.
    ref = ""
    owner: User | None = None
    # Who its events are about: a customer, or the request of somebody who may become one.
    person: User | HttpRequest

    def lines(self) -> list[Line]:
        raise NotImplementedError

    def count(self) -> int:
        """Pieces, for the badge on every page."""
        raise NotImplementedError

    def clear(self) -> None:
        raise NotImplementedError

    def add(self, product: Product, quantity: int) -> None:
        """Put more of a product in. Raises NotEnough; the cart is then as before."""
        with transaction.atomic():
            before = self._quantity(product)
            self._set(product, _allowed(product, before + quantity))
            self._capture("add_to_cart", Line(product, quantity))

    def change(self, product: Product, quantity: int) -> None:
        """Set how many of a product there are. Raises NotEnough."""
        with transaction.atomic():
            before = self._quantity(product)
            if quantity == before:
                return
            self._set(product, _allowed(product, quantity))
            name = "add_to_cart" if quantity > before else "remove_from_cart"
            self._capture(name, Line(product, abs(quantity - before)))

    def remove(self, product: Product) -> None:
        """Take a product out; one that is not there is no mistake."""
        with transaction.atomic():
            before = self._quantity(product)
            if before:
                self._set(product, 0)
                self._capture("remove_from_cart", Line(product, before))

    def _quantity(self, product: Product) -> int:
        raise NotImplementedError

    def _set(self, product: Product, quantity: int) -> None:
        raise NotImplementedError

    def _capture(self, name: str, *lines: Line) -> None:
        triggers.capture(name, contact=self.person, data=goods(lines), object_ref=self.ref)


class SessionCart(ShopperCart):
    """Product ids and quantities in the visitor's session."""

    def __init__(self, request: HttpRequest) -> None:
        self.person, self._session = request, request.session

    def lines(self) -> list[Line]:
        quantities = self._quantities()
        products = Product.objects.select_related("category").in_bulk([int(key) for key in quantities])
        return [Line(products[int(key)], many) for key, many in quantities.items() if int(key) in products]

    def count(self) -> int:
        return sum(self._quantities().values())

    def clear(self) -> None:
        self._session.pop(SESSION_KEY, None)

    def _quantities(self) -> dict[str, int]:
        return dict(self._session.get(SESSION_KEY, {}))

    def _quantity(self, product: Product) -> int:
        return self._quantities().get(str(product.pk), 0)

    def _set(self, product: Product, quantity: int) -> None:
        quantities = self._quantities()
        if quantity:
            quantities[str(product.pk)] = quantity
        else:
            quantities.pop(str(product.pk), None)
        self._session[SESSION_KEY] = quantities


class CustomerCart(ShopperCart):
    """The cart in the database; it is made when the first thing goes in."""

    def __init__(self, user: User) -> None:
        self.owner = self.person = user
        self._cart = Cart.objects.filter(user=user).first()

    @property
    def ref(self) -> str:  # type: ignore[override]
        return f"cart:{self._cart.pk}" if self._cart else ""

    def lines(self) -> list[Line]:
        return cart_lines(self._cart) if self._cart else []

    def count(self) -> int:
        lines = CartLine.objects.filter(cart=self._cart) if self._cart else CartLine.objects.none()
        return lines.aggregate(pieces=Sum("quantity"))["pieces"] or 0

    def clear(self) -> None:
        Cart.objects.filter(user=self.owner).delete()
        self._cart = None

    def merge(self, lines: Iterable[Line]) -> None:
        """Add what lay in another cart, as much as there may be of it."""
        with transaction.atomic():
            taken = []
            for line in lines:
                before = self._quantity(line.product)
                together = min(before + line.quantity, _most(line.product))
                if together > before:
                    self._set(line.product, together)
                    taken.append(Line(line.product, together - before))
            if taken:
                self._capture("add_to_cart", *taken)

    def _locked(self) -> Cart:
        """The cart, in nobody else's hands until this transaction ends."""
        cart, _is_new = Cart.objects.select_for_update().get_or_create(user=self.owner)
        self._cart = cart
        return cart

    def _quantity(self, product: Product) -> int:
        line = CartLine.objects.filter(cart=self._locked(), product=product).first()
        return line.quantity if line else 0

    def _set(self, product: Product, quantity: int) -> None:
        cart = self._locked()
        if quantity:
            CartLine.objects.update_or_create(cart=cart, product=product, defaults={"quantity": quantity})
        else:
            CartLine.objects.filter(cart=cart, product=product).delete()
        Cart.objects.filter(pk=cart.pk).update(updated_at=timezone.now())


def cart_of(request: HttpRequest) -> ShopperCart:
    """The cart of this request's visitor, looked up once per request."""
    cart: ShopperCart | None = getattr(request, "_demo_shop_cart", None)
    if cart is None:
        user = request.user
        cart = CustomerCart(user) if isinstance(user, User) else SessionCart(request)
        request._demo_shop_cart = cart  # type: ignore[attr-defined]
    return cart


def cart_lines(cart: Cart) -> list[Line]:
    rows = CartLine.objects.filter(cart=cart).select_related("product__category")
    return [Line(row.product, row.quantity) for row in rows]


def total_of(lines: Iterable[Line]) -> Decimal:
    return sum((line.total for line in lines), Decimal(0))


def merge_on_login(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Receiver of `user_logged_in`: what was put in before login is the customer's now."""
    if not getattr(request, "session", {}).get(SESSION_KEY):
        return
    assert request is not None
    anonymous = SessionCart(request)
    CustomerCart(user).merge(anonymous.lines())
    anonymous.clear()


def restore_token(cart_id: int) -> str:
    """The secret of a link that shows this cart on any device."""
    return signing.dumps(cart_id, salt=RESTORE_SALT)


def cart_of_token(token: str) -> Cart | None:
    """The cart that a link brings back; None when it was ordered since, or the link is old or false."""
    try:
        cart_id = signing.loads(token, salt=RESTORE_SALT, max_age=RESTORE_SECONDS)
    except signing.BadSignature:
        return None
    return Cart.objects.filter(pk=cart_id).first()


def take_from_stock(lines: Iterable[Line]) -> list[Line]:
    """Reserve the lines; gives back those of which there are too few. Call it in a transaction and undo it then."""
    # In one order for everybody, so that two orders cannot each wait for the other's rows.
    ordered = sorted(lines, key=lambda line: line.product.pk)
    return [line for line in ordered if not _reserve(line)]


def _reserve(line: Line) -> bool:
    enough = Product.objects.filter(pk=line.product.pk, stock__gte=line.quantity)
    return bool(enough.update(stock=F("stock") - line.quantity))


def _most(product: Product) -> int:
    return min(MOST_PIECES, product.stock)


def _allowed(product: Product, quantity: int) -> int:
    if quantity > _most(product):
        raise NotEnough(product, _most(product))
    return quantity
