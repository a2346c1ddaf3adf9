"""Model changes that are events. `triggers` finds this module by its name at start-up."""

from __future__ import annotations

from typing import Any

from demo_shop.models import NewsletterSignup, Order
from triggers.sources import Changed, ModelSource, register


@register
class OrderSource(ModelSource):
    """Every new status of an order, whoever gave it: the payment page or the admin."""

    model = Order
    events = [Changed("order_status_changed", field="status")]

    def contact(self, instance: Order) -> Any:
        return instance.user or instance.email

    def data(self, instance: Order) -> dict[str, Any]:
        return {
            "order": instance.number,
            "status": instance.status,
            "value": instance.total,
            "currency": instance.currency,
        }

    def object_ref(self, instance: Order) -> str:
        return f"order:{instance.pk}"


@register
class NewsletterSource(ModelSource):
    """An address whose owner has confirmed the newsletter."""

    model = NewsletterSignup
    events = [Changed("newsletter_confirmed", field="confirmed_at")]

    def contact(self, instance: NewsletterSignup) -> Any:
        return instance.email
