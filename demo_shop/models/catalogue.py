"""What is sold."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

# ISO 4217; the shop sells in one currency.
CURRENCY = "EUR"


class Category(models.Model):
    """One shelf of the shop."""

    slug = models.SlugField(_("address"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    intro = models.CharField(_("introduction"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("demo_shop:category", args=[self.slug])


class ProductQuerySet(models.QuerySet["Product"]):
    def matching(self, words: str) -> ProductQuerySet:
        """Products in whose texts every word occurs."""
        found = self
        for word in words.split():
            found = found.filter(
                models.Q(name__icontains=word)
                | models.Q(description__icontains=word)
                | models.Q(material__icontains=word)
                | models.Q(category__name__icontains=word)
            )
        return found


class Product(models.Model):
    """One article. `stock` is in pieces, `price` in `CURRENCY` for one piece."""

    category = models.ForeignKey(
        Category, models.PROTECT, related_name="products", verbose_name=_("category")
    )
    sku = models.CharField(_("article number"), max_length=20, unique=True)
    slug = models.SlugField(_("address"), max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=160)
    description = models.TextField(_("description"))
    material = models.CharField(_("material"), max_length=120)
    dimensions = models.CharField(_("dimensions"), max_length=80)
    price = models.DecimalField(
        _("price"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )
    stock = models.PositiveIntegerField(_("in stock"), default=0)
    image = models.ImageField(_("picture"), upload_to="products/", blank=True)
    is_featured = models.BooleanField(_("on the first page"), default=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["category__position", "position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("demo_shop:product", args=[self.slug])
