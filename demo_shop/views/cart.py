"""The cart, and the link in a letter that brings it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from demo_shop.carts import CustomerCart, NotEnough, cart_lines, cart_of, cart_of_token, total_of
from demo_shop.forms import QuantityForm
from demo_shop.models import MOST_PIECES, Product
from demo_shop.models.order import Delivery
from demo_shop.orders import FREE_SHIPPING_FROM, shipping_for


@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    lines = cart_of(request).lines()
    total = total_of(lines)
    shipping = shipping_for(total, Delivery.STANDARD)
    context = {
        "lines": lines,
        "total": total,
        "shipping": shipping,
        "sum": total + shipping,
        "most": MOST_PIECES,
        "missing_for_free_shipping": max(FREE_SHIPPING_FROM - total, 0),
    }
    return render(request, "demo_shop/cart.html", context)


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    product = _product(pk)
    form = QuantityForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["quantity"][0]))
        return redirect(product)
    try:
        cart_of(request).add(product, form.cleaned_data["quantity"])
    except NotEnough as error:
        messages.error(request, _few_left(error))
        return redirect(product)
    messages.success(request, _("“%(product)s” is in your cart.") % {"product": product.name})
    return redirect("demo_shop:cart")


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    form = QuantityForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["quantity"][0]))
        return redirect("demo_shop:cart")
    try:
        cart_of(request).change(_product(pk), form.cleaned_data["quantity"])
    except NotEnough as error:
        messages.error(request, _few_left(error))
    return redirect("demo_shop:cart")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    product = _product(pk)
    cart_of(request).remove(product)
    messages.success(request, _("“%(product)s” is no longer in your cart.") % {"product": product.name})
    return redirect("demo_shop:cart")


def restore(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what lies in that cart and changes nothing, whoever opens it; POST copies it into one's own."""
    shared = cart_of_token(token)
    lines = cart_lines(shared) if shared else []
    if shared is None or not lines:
        return render(request, "demo_shop/cart_gone.html", status=404)
    if request.user == shared.user:
        return redirect("demo_shop:cart")
    if request.method == "POST":
        _copy(request, lines)
        return redirect("demo_shop:cart")
    return render(request, "demo_shop/cart_shared.html", {"lines": lines, "total": total_of(lines)})


def _copy(request: HttpRequest, lines: list) -> None:
    own = cart_of(request)
    if isinstance(own, CustomerCart):
        own.merge(lines)
        return
    for line in lines:
        try:
            own.change(line.product, line.quantity)
        except NotEnough as error:
            messages.error(request, _few_left(error))


def _product(pk: int) -> Product:
    # A number that no 64-bit column holds is an unknown product like any other.
    return get_object_or_404(Product.objects.select_related("category"), pk=min(pk, 2**63 - 1))


def _few_left(error: NotEnough) -> str:
    if not error.most:
        return _("“%(product)s” is sold out.") % {"product": error.product.name}
    text = ngettext(
        "You can have %(most)d piece of “%(product)s”, no more.",
        "You can have %(most)d pieces of “%(product)s”, no more.",
        error.most,
    )
    return text % {"most": error.most, "product": error.product.name}
