"""What was ordered, at the price of that day."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from demo_shop.models.catalogue import CURRENCY, Product

# Without letters and digits that are mistaken for each other on the phone.
NUMBER_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_number() -> str:
    """An order number that says nothing about how many there are and cannot be guessed."""
    return "GG-" + "".join(secrets.choice(NUMBER_ALPHABET) for _place in range(8))


class OrderStatus(models.TextChoices):
    PLACED = "placed", _("waiting for payment")
    PAID = "paid", _("paid")
    SHIPPED = "shipped", _("shipped")
    DELIVERED = "delivered", _("delivered")
    CANCELLED = "cancelled", _("cancelled")


class Delivery(models.TextChoices):
    STANDARD = "standard", _("Standard, 2 to 4 working days")
    EXPRESS = "express", _("Express, the next working day")


class Order(models.Model):
    """One order of a customer or a guest. `total` includes `shipping`; both are in `currency`."""

    number = models.CharField(_("number"), max_length=20, unique=True, default=new_number, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("customer"),
    )
    status = models.CharField(
        _("status"), max_length=20, choices=OrderStatus.choices, default=OrderStatus.PLACED
    )
    email = models.EmailField(_("e-mail"), db_index=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    first_name = models.CharField(_("first name"), max_length=80)
    last_name = models.CharField(_("last name"), max_length=80)
    street = models.CharField(_("street and number"), max_length=120)
    postcode = models.CharField(_("postcode"), max_length=12)
    city = models.CharField(_("town"), max_length=80)
    delivery = models.CharField(
        _("delivery"), max_length=20, choices=Delivery.choices, default=Delivery.STANDARD
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    shipping = models.DecimalField(_("shipping"), max_digits=10, decimal_places=2, default=Decimal(0))
    total = models.DecimalField(_("total"), max_digits=10, decimal_places=2, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3, default=CURRENCY)
    placed_at = models.DateTimeField(_("placed"), auto_now_add=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-placed_at", "-pk"]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("demo_shop:order", args=[self.number])

    @property
    def is_awaiting_payment(self) -> bool:
        return self.status == OrderStatus.PLACED


class OrderLine(models.Model):
    """One article of an order. Name and price are copies: the catalogue may change, the order may not."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    product = models.ForeignKey(Product, models.PROTECT, related_name="+", verbose_name=_("product"))
    name = models.CharField(_("name"), max_length=160)
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2)
    quantity = models.PositiveSmallIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity
