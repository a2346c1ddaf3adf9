"""Names of events that every shop knows: GA4's recommended ones where it has one, snake_case of our own where not.

Source: https://developers.google.com/analytics/devguides/collection/ga4/reference/events
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

# What more events than this led to, each caused by the one before, starts nothing any more: there chains feed each other.
MOST_DEPTH = 5

EVENT_NAME = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")

SEGMENT_ENTERED = "segment_entered"
SEGMENT_LEFT = "segment_left"

STANDARD_EVENTS = {
    "sign_up": _("Signed up"),
    "login": _("Logged in"),
    "page_view": _("Viewed a page"),
    "view_item": _("Viewed a product"),
    "view_item_list": _("Viewed a list of products"),
    "view_cart": _("Viewed the cart"),
    "select_item": _("Chose a product in a list"),
    "click": _("Clicked on a marked element"),
    "form_field_left": _("Filled a field of a form"),
    "user_engagement": _("Spent time on a page"),
    "search": _("Searched"),
    "add_to_cart": _("Added to the cart"),
    "remove_from_cart": _("Removed from the cart"),
    "add_to_wishlist": _("Saved a product"),
    "begin_checkout": _("Began the checkout"),
    "purchase": _("Ordered"),
    "refund": _("Got a refund"),
    "order_status_changed": _("Order changed its status"),
    "file_download": _("Downloaded a file"),
    "generate_lead": _("Sent an enquiry"),
    "consent_granted": _("Agreed to get messages"),
    "consent_withdrawn": _("Withdrew the consent to messages"),
    "unsubscribed": _("Unsubscribed from a topic"),
    "contact_merged": _("Became one with another contact"),
    "email_opened": _("Opened a letter"),
    "email_clicked": _("Clicked in a letter"),
    SEGMENT_ENTERED: _("Came into a segment"),
    SEGMENT_LEFT: _("Left a segment"),
    "stock_subscribed": _("Asked to be told when it is back in stock"),
    "price_drop": _("Goods of interest got cheaper"),
    "back_in_stock": _("Goods of interest are back in stock"),
    "low_stock": _("Goods of interest are nearly sold out"),
    "new_in_category": _("Something new in a followed category"),
    "schedule_due": _("A schedule came due"),
    "calendar_due": _("A date of the calendar came"),
    "personal_date_due": _("A date of the contact's own came"),
    "became_inactive": _("Was silent for some days"),
    "put_into_chain": _("Was put into a chain"),
}
