"""What the shop's pages need beside Django's own tags."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from demo_shop.accounts import ADMIN_NAME, ADMIN_PASSWORD
from demo_shop.carts import cart_of
from demo_shop.models import Category, OrderStatus
from triggers.conf import settings

register = template.Library()

SIGNS = {"EUR": "€"}
BADGES = {
    OrderStatus.PLACED: "waiting",
    OrderStatus.PAID: "good",
    OrderStatus.SHIPPED: "good",
    OrderStatus.DELIVERED: "good",
    OrderStatus.CANCELLED: "bad",
}


@register.filter
def money(amount: Decimal, currency: str = "EUR") -> str:
    """€1,234.50 in English, 1.234,50 € elsewhere."""
    digits = number_format(amount, 2, use_l10n=True, force_grouping=True)
    sign = SIGNS.get(currency, currency)
    return (
        f"{sign}{digits}"
        if (get_language() or "en").startswith("en")
        else f"{digits}\N{NO-BREAK SPACE}{sign}"
    )


@register.filter
def badge(status: str) -> str:
    """The colour class of an order's status."""
    return BADGES[OrderStatus(status)]


@register.simple_tag(takes_context=True)
def cart_count(context: template.Context) -> int:
    """Pieces in the visitor's cart."""
    request: HttpRequest = context["request"]
    return cart_of(request).count()


@register.simple_tag
def shop_categories() -> list[Category]:
    return list(Category.objects.all())


@register.simple_tag
def admin_login() -> dict[str, str]:
    return {"name": ADMIN_NAME, "password": ADMIN_PASSWORD}


@register.simple_tag
def pace_of_time() -> str:
    """`WAIT_SCALE` in words, for the banner."""
    seconds = 3600 * float(settings.WAIT_SCALE)
    if seconds >= 3600:
        return _("Time passes as usual.")
    if seconds >= 60:
        minutes = round(seconds / 60)
        return ngettext("1 hour passes in %(n)s minute.", "1 hour passes in %(n)s minutes.", minutes) % {
            "n": minutes
        }
    shown = number_format(round(seconds, 1)).removesuffix(".0").removesuffix(",0")
    return ngettext(
        "1 hour passes in %(n)s second.", "1 hour passes in %(n)s seconds.", 1 if shown == "1" else 2
    ) % {"n": shown}
