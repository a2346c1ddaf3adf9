"""django-oscar's signals as events. Source: https://django-oscar.readthedocs.io/en/latest/ref/signals.html (read 2026-11-28).

`sign_up` and `login` come from Django's own signals already.
"""

from __future__ import annotations

from typing import Any

from oscar.core.loading import get_class

from triggers.capturing import capture
from triggers.sources.auth import sync


def connect() -> None:
    for path, name, receiver in (
        ("customer.signals", "user_registered", _registered),
        ("catalogue.signals", "product_viewed", _viewed),
        ("search.signals", "user_search", _searched),
        ("basket.signals", "basket_addition", _added),
        ("checkout.signals", "start_checkout", _checkout_began),
        ("order.signals", "order_placed", _ordered),
        ("order.signals", "order_status_changed", _status_changed),
    ):
        get_class(path, name).connect(receiver, dispatch_uid=f"triggers.oscar.{name}")


def _registered(user: Any, **kwargs: Any) -> None:
    """The account is complete now: names and addresses may have been saved after the user."""
    sync(user)


def _viewed(product: Any, request: Any, **kwargs: Any) -> None:
    data = {"items": [_item(product)]}
    capture("view_item", contact=request, data=data, object_ref=f"product:{product.pk}")


def _searched(user: Any, query: Any, **kwargs: Any) -> None:
    capture("search", contact=user, data={"search_term": query})


def _added(product: Any, request: Any, **kwargs: Any) -> None:
    data = {"items": [_item(product)]}
    capture("add_to_cart", contact=request, data=data, object_ref=f"cart:{request.basket.pk}")


def _checkout_began(request: Any, email: str = "", **kwargs: Any) -> None:
    """A guest is known by the address that they have just given."""
    who = request.user if request.user.is_authenticated else email
    capture("begin_checkout", contact=who, object_ref=f"cart:{request.basket.pk}")


def _ordered(order: Any, **kwargs: Any) -> None:
    lines = [
        {"item_id": one.upc or one.product_id, "item_name": one.title, "quantity": one.quantity}
        for one in order.lines.all()
    ]
    data = {
        "transaction_id": order.number,
        "value": order.total_incl_tax,
        "currency": order.currency,
        "items": lines,
    }
    capture("purchase", contact=_buyer(order), data=data, object_ref=f"order:{order.pk}")


def _status_changed(order: Any, old_status: str, new_status: str, **kwargs: Any) -> None:
    data = {"order": order.number, "from": old_status, "to": new_status}
    capture("order_status_changed", contact=_buyer(order), data=data, object_ref=f"order:{order.pk}")


def _buyer(order: Any) -> Any:
    return order.user or order.guest_email


def _item(product: Any) -> dict[str, Any]:
    return {"item_id": product.upc or product.pk, "item_name": product.get_title()}
