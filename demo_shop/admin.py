"""The shop's side of the admin: catalogue, orders and their status, enquiries."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from demo_shop.models import (
    Cart,
    CartLine,
    Category,
    Enquiry,
    NewsletterSignup,
    Order,
    OrderLine,
    OrderStatus,
    Product,
)
from demo_shop.orders import WrongStatus, change_status


class ReadOnly(admin.options.BaseModelAdmin):
    """Shown, never changed here."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "position"]
    list_editable = ["position"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["picture", "name", "sku", "category", "price", "stock", "is_featured"]
    list_display_links = ["picture", "name"]
    list_editable = ["price", "stock", "is_featured"]
    list_filter = ["category", "is_featured"]
    list_select_related = ["category"]
    search_fields = ["name", "sku"]
    prepopulated_fields = {"slug": ["name"]}

    @admin.display(description=gettext_lazy("Picture"))
    def picture(self, product: Product) -> str:
        if not product.image:
            return ""
        return format_html(
            '<img src="{}" alt="" width="48" height="48" style="border-radius:4px">', product.image.url
        )


class CartLineInline(ReadOnly, admin.TabularInline):
    model = CartLine
    extra = 0


@admin.register(Cart)
class CartAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "user", "created_at", "updated_at"]
    list_select_related = ["user"]
    inlines = [CartLineInline]


class OrderLineInline(ReadOnly, admin.TabularInline):
    model = OrderLine
    extra = 0
    fields = ["name", "price", "quantity"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """The status changes through the verb of the shop, from the list's actions or on the order's own page."""

    list_display = ["number", "placed_at", "email", "total", "currency", "status"]
    list_filter = ["status", "delivery"]
    search_fields = ["number", "email", "last_name"]
    date_hierarchy = "placed_at"
    inlines = [OrderLineInline]
    actions = ["mark_paid", "mark_shipped", "mark_delivered", "cancel"]
    readonly_fields = [
        "number", "user", "email", "phone", "first_name", "last_name", "street", "postcode", "city",
        "delivery", "note", "shipping", "total", "currency", "placed_at", "paid_at",
    ]  # fmt: skip
    fields = ["status", *readonly_fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Order, form: ModelForm[Order], change: bool) -> None:
        if "status" not in form.changed_data:
            return
        try:
            change_status(obj, obj.status)
        except WrongStatus:
            self.message_user(request, _("The order cannot go to that status now."), messages.ERROR)

    @admin.action(description=gettext_lazy("Mark as paid"), permissions=["change"])
    def mark_paid(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._change(request, orders, OrderStatus.PAID)

    @admin.action(description=gettext_lazy("Mark as shipped"), permissions=["change"])
    def mark_shipped(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._change(request, orders, OrderStatus.SHIPPED)

    @admin.action(description=gettext_lazy("Mark as delivered"), permissions=["change"])
    def mark_delivered(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._change(request, orders, OrderStatus.DELIVERED)

    @admin.action(description=gettext_lazy("Cancel and put the goods back"), permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._change(request, orders, OrderStatus.CANCELLED)

    def _change(self, request: HttpRequest, orders: QuerySet[Order], status: OrderStatus) -> None:
        done, left = 0, []
        for order in orders:
            try:
                change_status(order, status)
                done += 1
            except WrongStatus:
                left.append(order.number)
        if done:
            text = ngettext("%(n)d order is now: %(status)s.", "%(n)d orders are now: %(status)s.", done)
            self.message_user(request, text % {"n": done, "status": status.label}, messages.SUCCESS)
        if left:
            text = _("Not possible from their status now: %(numbers)s.") % {"numbers": ", ".join(left)}
            self.message_user(request, text, messages.ERROR)


@admin.register(Enquiry)
class EnquiryAdmin(admin.ModelAdmin):
    list_display = ["subject", "name", "email", "created_at", "is_answered"]
    list_filter = ["is_answered"]
    readonly_fields = ["user", "name", "email", "subject", "text", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(NewsletterSignup)
class NewsletterSignupAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["email", "asked_at", "confirmed_at"]
    search_fields = ["email"]
