"""Tables of the shop."""

from demo_shop.models.cart import MOST_PIECES, Cart, CartLine
from demo_shop.models.catalogue import CURRENCY, Category, Product
from demo_shop.models.mailbox import MailboxLetter, MailboxText
from demo_shop.models.order import Order, OrderLine, OrderStatus
from demo_shop.models.people import Enquiry, NewsletterSignup, Profile

__all__ = [
    "CURRENCY",
    "MOST_PIECES",
    "Cart",
    "CartLine",
    "Category",
    "Enquiry",
    "MailboxLetter",
    "MailboxText",
    "NewsletterSignup",
    "Order",
    "OrderLine",
    "OrderStatus",
    "Product",
    "Profile",
]
