"""From the cart to the order, its payment and its page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

import triggers
from demo_shop.carts import cart_of, total_of
from demo_shop.events import goods
from demo_shop.forms import CheckoutForm
from demo_shop.models import Order, OrderStatus, Profile
from demo_shop.models.order import Delivery
from demo_shop.orders import (
    EmptyCart,
    OutOfStock,
    WrongStatus,
    change_status,
    order_of_token,
    place_order,
    quotes_for,
)

# Orders that this browser made: a guest may see those, and nobody else's.
SESSION_KEY = "orders"


@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    cart = cart_of(request)
    lines = cart.lines()
    if not lines:
        return redirect("demo_shop:cart")
    if request.method == "POST":
        form = CheckoutForm(request.POST)
        if form.is_valid():
            return _order(request, form.cleaned_data)
    else:
        form = CheckoutForm(initial=_known_of(request))
        triggers.capture("begin_checkout", contact=request.user, data=goods(lines), object_ref=cart.ref)
    total = total_of(lines)
    context = {
        "form": form,
        "lines": lines,
        "total": total,
        "choices": list(zip(form["delivery"], quotes_for(total), strict=True)),
    }
    return render(request, "demo_shop/checkout.html", context)


def _known_of(request: HttpRequest) -> dict[str, Any]:
    known: dict[str, Any] = {"delivery": Delivery.STANDARD}
    user = request.user
    if not isinstance(user, User):
        return known
    known |= {"email": user.email, "first_name": user.first_name, "last_name": user.last_name}
    profile = Profile.objects.filter(user=user).first()
    last = user.orders.first()
    if profile:
        known["phone"] = profile.phone
    if last:
        known |= {"street": last.street, "postcode": last.postcode, "city": last.city}
    return known


def _order(request: HttpRequest, details: dict[str, Any]) -> HttpResponse:
    try:
        order = place_order(cart_of(request), details)
    except EmptyCart:
        return redirect("demo_shop:cart")
    except OutOfStock as error:
        names = ", ".join(line.product.name for line in error.lines)
        messages.error(
            request, _("Somebody was faster. There is not enough left of: %(names)s.") % {"names": names}
        )
        return redirect("demo_shop:cart")
    if order.user is None:
        triggers.identify(request, order.email)
    request.session[SESSION_KEY] = [*request.session.get(SESSION_KEY, []), order.pk]
    return redirect("demo_shop:payment", order.number)


@require_safe
def payment(request: HttpRequest, number: str) -> HttpResponse:
    order = _own_order(request, number)
    if not order.is_awaiting_payment:
        return redirect(order)
    return render(request, "demo_shop/payment.html", {"order": order})


@require_POST
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """The bank answers what the visitor told it to answer."""
    order = _own_order(request, number)
    if request.POST.get("outcome") != "paid":
        messages.error(request, _("The bank refused the payment. Nothing was charged; you can try again."))
        return redirect("demo_shop:payment", order.number)
    try:
        change_status(order, OrderStatus.PAID)
    except WrongStatus:
        return redirect(order)
    return redirect("demo_shop:thanks", order.number)


@require_safe
def thanks(request: HttpRequest, number: str) -> HttpResponse:
    order = _own_order(request, number)
    if order.is_awaiting_payment:
        return redirect("demo_shop:payment", order.number)
    return render(request, "demo_shop/thanks.html", {"order": order, "lines": _lines(order)})


@require_safe
def order(request: HttpRequest, number: str) -> HttpResponse:
    found = _own_order(request, number)
    return render(request, "demo_shop/order.html", {"order": found, "lines": _lines(found), "may_pay": True})


@require_safe
def order_link(request: HttpRequest, token: str) -> HttpResponse:
    """The link in a letter. It shows the order to whoever has the letter, and lets them change nothing."""
    found = order_of_token(token)
    if found is None:
        raise Http404
    return render(request, "demo_shop/order.html", {"order": found, "lines": _lines(found), "may_pay": False})


def _own_order(request: HttpRequest, number: str) -> Order:
    """The order, if it is the visitor's; somebody else's does not exist for them."""
    found = get_object_or_404(Order.objects.select_related("user"), number=number)
    made_here = found.pk in request.session.get(SESSION_KEY, [])
    if found.user is None and made_here:
        return found
    if found.user is not None and found.user == request.user:
        return found
    raise Http404


def _lines(order: Order) -> Any:
    return order.lines.select_related("product")
