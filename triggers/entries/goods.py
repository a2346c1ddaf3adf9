"""A chain starts for those who looked at goods when the goods change: cheaper, back in stock, nearly gone, new in the category."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from django import forms
from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.fanned import FannedEntry, Occasion, Slot
from triggers.forms import AudienceForm

if TYPE_CHECKING:
    from django.db.models import QuerySet

Change = Literal["price_drop", "back_in_stock", "low_stock", "new_in_category"]
CHANGES: dict[Change, Any] = {
    "price_drop": _("got cheaper"),
    "back_in_stock": _("are back in stock"),
    "low_stock": _("are nearly sold out"),
    "new_in_category": _("are new in a category they followed"),
}
CHANGE_IDS: dict[Change, str] = {
    "price_drop": gettext_noop("got cheaper"),
    "back_in_stock": gettext_noop("are back in stock"),
    "low_stock": gettext_noop("are nearly sold out"),
    "new_in_category": gettext_noop("are new in a category they followed"),
}
Interest = Literal["view_item", "add_to_wishlist", "add_to_cart", "stock_subscribed"]
INTERESTS: dict[Interest, Any] = {
    "view_item": _("viewed"),
    "add_to_wishlist": _("saved"),
    "add_to_cart": _("put into the cart"),
    "stock_subscribed": _("asked to be told"),
}
# With more goods than this the database is not asked which events name one of them; that is seen afterwards.
MOST_SEARCHED = 20

Seen = tuple[dict[str, Any], ...]


class GoodsConfig(Value, frozen=True, forbid_unknown_fields=True):
    """Goods that `change`, for those with one of the `interests` in them within `days`; not more than once in `rest_days`."""

    change: Change
    interests: Annotated[tuple[Interest, ...], msgspec.Meta(min_length=1)] = tuple(INTERESTS)
    days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    least_percent: Annotated[float, msgspec.Meta(ge=0, le=99)] = 5
    rest_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 1
    segment: str = ""


class GoodsForm(AudienceForm):
    change = forms.ChoiceField(label=_("Goods that"), choices=list(CHANGES.items()))
    interests = forms.MultipleChoiceField(
        label=_("for those who"),
        choices=list(INTERESTS.items()),
        initial=list(INTERESTS),
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(label=_("within … days"), min_value=1, max_value=365, initial=30)
    least_percent = forms.FloatField(
        label=_("Cheaper by at least … %"),
        min_value=0,
        max_value=99,
        initial=5,
        help_text=_("Than the price that the contact saw. For goods that got cheaper."),
    )
    rest_days = forms.IntegerField(
        label=_("At most once in … days"),
        min_value=1,
        max_value=365,
        initial=1,
        help_text=_("Whatever changes: each contact hears of goods once in that time."),
    )
    field_order = ["change", "interests", "days", "least_percent", "rest_days", "segment"]


@entries.register
class GoodsEntry(FannedEntry):
    """The fan-out's data have the changed goods under `items`, as GA4 writes items."""

    key = "goods"
    label = _("A change of goods")
    max_lateness = timedelta(hours=12)
    Config = GoodsConfig
    form_class = GoodsForm

    def event_name(self, config: GoodsConfig) -> str:
        return config.change

    def refresh(self, config: GoodsConfig, occasion: Occasion, shop: Any) -> Occasion:
        """Without what is not to be had any more: nobody is sent to an empty shelf."""
        items = occasion.data.get("items", ())
        stock = shop.stock([item["item_id"] for item in items])
        left = [item for item in items if stock.get(item["item_id"], 1) > 0]
        return Occasion(occasion.name, occasion.at, occasion.zone, occasion.trigger, {"items": left})

    def choose(
        self, config: GoodsConfig, occasion: Occasion, contacts: QuerySet[Any], events: QuerySet[Any]
    ) -> QuerySet[Any]:
        if not occasion.data["items"]:
            return contacts.none()
        since = occasion.at - timedelta(days=config.rest_days)
        told = events.filter(contact=OuterRef("pk"), name__in=CHANGES, recorded_at__gt=since)
        interested = _interest(config, occasion, events).filter(contact=OuterRef("pk"))
        return contacts.filter(Exists(interested), ~Exists(told))

    def marks(
        self, config: GoodsConfig, occasion: Occasion, contact_ids: Sequence[int], events: QuerySet[Any]
    ) -> dict[int, Seen]:
        """The changed goods that each contact cares about, in the order of the shop's list."""
        changed = {_key(config, item): item for item in reversed(occasion.data["items"])}
        found: dict[int, dict[Any, dict[str, Any]]] = {}
        rows = _interest(config, occasion, events).filter(contact__in=contact_ids)
        for contact_id, data in rows.order_by("recorded_at").values_list("contact", "data"):
            for seen in _items(data):
                item = changed.get(_key(config, seen))
                if item is not None:
                    # The price it was seen at last.
                    found.setdefault(contact_id, {})[_key(config, item)] = {
                        **item,
                        "seen_price": seen.get("price"),
                    }
        return {pk: tuple(one for one in seen.values() if _counts(config, one)) for pk, seen in found.items()}

    def slot(self, config: GoodsConfig, occasion: Occasion, mark: Seen | None) -> Slot | None:
        return Slot(occasion.name, occasion.at) if mark else None

    def event_data(self, occasion: Occasion, slot: Slot, mark: Any) -> dict[str, Any]:
        return {"items": list(mark), "trigger": occasion.trigger, "slot": slot.name}

    def looks_back(self, config: GoodsConfig) -> float:
        return max(config.days, config.rest_days) + 1.0

    def describe(self, config: GoodsConfig) -> Reason:
        data = {"change": {"text": CHANGE_IDS[config.change]}, "days": config.days}
        return Reason(gettext_noop("When goods of interest within %(days)s days %(change)s"), data)


def _interest(config: GoodsConfig, occasion: Occasion, events: QuerySet[Any]) -> QuerySet[Any]:
    """Events that show interest, of these goods if there are few of them; what is found in the text is looked at again."""
    since = occasion.at - timedelta(days=config.days)
    found = events.filter(name__in=config.interests, recorded_at__gt=since, recorded_at__lte=occasion.at)
    keys = {_key(config, item) for item in occasion.data["items"]}
    if len(keys) > MOST_SEARCHED:
        return found
    named = Q(pk__in=())
    for key in sorted(keys):
        # As JSON writes it: Django escapes what is not ASCII, the database may not.
        for text in {json.dumps(key)[1:-1], json.dumps(key, ensure_ascii=False)[1:-1]}:
            named |= Q(text__contains=text)
    named_ones: QuerySet[Any] = found.annotate(text=Cast("data", CharField())).filter(named)
    return named_ones


def _key(config: GoodsConfig, item: Mapping[str, Any]) -> str:
    """What makes changed goods and seen goods the same: the product or variant, or the category that is followed."""
    return str(item.get("item_category" if config.change == "new_in_category" else "item_id") or "")


def _items(data: Any) -> Iterator[Mapping[str, Any]]:
    items = data.get("items") if isinstance(data, Mapping) else None
    return (item for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping))


def _counts(config: GoodsConfig, item: Mapping[str, Any]) -> bool:
    """Of what got cheaper: is it cheap enough, against the price that was seen, or else the price before?"""
    if config.change != "price_drop":
        return True
    price, seen = item.get("price"), item.get("seen_price") or item.get("was")
    if not all(isinstance(one, int | float) for one in (price, seen)):
        return False
    assert price is not None
    assert seen is not None
    return bool(price <= seen * (1 - config.least_percent / 100) and price < seen)
