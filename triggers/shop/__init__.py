"""The shop adapter: the only way in which we see carts, orders and products."""

from triggers.shop.adapter import (
    Cart,
    ContactDetails,
    ContactRef,
    Item,
    Order,
    ShopAdapter,
    ShopInfo,
    get_adapter,
)

__all__ = ["Cart", "ContactDetails", "ContactRef", "Item", "Order", "ShopAdapter", "ShopInfo", "get_adapter"]
