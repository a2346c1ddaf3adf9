"""django-oscar's real apps with nothing but the documented lines: a filled basket gives the letter."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from tests.docs.foreign import Project, blocks_of
from tests.docs.test_readme import MAIL, README
from tests.project.files import ROOT

pytest.importorskip("oscar", reason="django-oscar is not installed")

ADAPTERS = ROOT / "docs" / "adapters.md"

# As oscar's own documents say.
OSCAR_SETTINGS = """
from oscar.defaults import *

INSTALLED_APPS += [
    "django.contrib.sites", "django.contrib.flatpages",
    "oscar.config.Shop", "oscar.apps.analytics.apps.AnalyticsConfig", "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig", "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig", "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig", "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig", "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig", "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig", "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig", "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig", "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig", "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig", "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks", "haystack", "treebeard", "django_tables2",
]
SITE_ID = 1
ALLOWED_HOSTS = ["localhost"]
MIDDLEWARE += ["oscar.apps.basket.middleware.BasketMiddleware"]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend", "django.contrib.auth.backends.ModelBackend",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "oscar.apps.search.context_processors.search_form", "oscar.apps.checkout.context_processors.checkout",
    "oscar.core.context_processors.metadata",
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
# oscar's own needs one more package.
OSCAR_THUMBNAILER = "mysite.thumbnails.AsItIs"
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_SHOP_NAME = "Oscar's lamps"
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {"Pending": ("Sent",), "Sent": ()}
"""
THUMBNAILS = """
class AsItIs:
    def generate_thumbnail(self, source, **options):
        return source
"""
OSCAR_URLS = """
from django.apps import apps

urlpatterns += [path("", include(apps.get_app_config("oscar").urls[0]))]
"""

STORY = """
from decimal import Decimal as D

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from oscar.apps.search.signals import user_search
from oscar.test.factories import create_product

from triggers import consent
from triggers.engine.publish import publish
from triggers.models import Chain, Event, Step, Template, Topic

lamp = create_product(title="Evening lamp", price=D("49.90"), num_in_stock=5, upc="L1")
topic = Topic.objects.create(key="news", name="News")
Template.objects.create(
    key="cart", name="Cart", topic=topic, subject="Your cart: {{ cart.total|money:cart.currency }}",
    html="<p>{% for item in cart.items %}{{ item.name }} {{ item.quantity }} {{ item.url }}{% endfor %} {{ cart.url }}</p>"
    '<p>{{ shop.name }} <a href="{{ links.unsubscribe }}">no more</a></p>',
)
chain = Chain.objects.create(key="cart", name="Cart", entry_config={"event": "add_to_cart", "re_entry": "every_time"})
Step.objects.create(chain=chain, key="letter", position=0, kind="send_email", config={"template": "cart"})
publish(chain)

client = Client(headers={"host": "localhost"})
form = {"registration-email": "anna@example.com", "registration-password1": "long and odd 7", "registration-password2": "long and odd 7"}
answer = client.post(reverse("customer:login"), {**form, "registration_submit": "1", "registration-redirect_url": ""})
assert answer.status_code == 302, answer.content
anna = User.objects.get()
consent.grant(anna, "email", source="test", text="yes")
assert client.get(lamp.get_absolute_url()).status_code == 200
# No view of oscar 4 sends this one.
user_search.send(sender=None, session=client.session, user=anna, query="lamp")
assert client.post(reverse("basket:add", kwargs={"pk": lamp.pk}), {"quantity": 2}).status_code == 302
print(*Event.objects.order_by("pk").values_list("name", flat=True))
"""

ORDERED = """
from django.contrib.auth.models import User
from oscar.apps.basket.models import Basket
from oscar.test.factories import create_order, OrderFactory
from oscar.apps.partner.strategy import Selector

from triggers.models import Event
from triggers.shop import ContactRef, get_adapter
from triggers.contacts import contact_for

anna = User.objects.get()
basket = Basket.objects.get(owner=anna, status="Open")
basket.strategy = Selector().strategy()
order = create_order(number="1001", basket=basket, user=anna)
order.set_status("Sent")
contact = contact_for(anna)
ref = ContactRef(contact.pk, contact.external_id, contact.email)
adapter = get_adapter()
last = adapter.last_orders([ref])[contact.pk]
assert (last.number, last.status, [one.name for one in last.items]) == ("1001", "Sent", ["Evening lamp"])
assert adapter.orders([f"order:{order.pk}", "order:x", "cart:1"]) == {last.ref: last}
placed, changed = Event.objects.filter(name__in=["purchase", "order_status_changed"]).order_by("pk")
assert placed.data["transaction_id"] == "1001" and placed.data["items"][0]["quantity"] == 2
assert changed.data == {"order": "1001", "from": "Pending", "to": "Sent"}
assert placed.object_ref == changed.object_ref == last.ref
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """oscar's shop after the README's steps 2 and 3, and the line of docs/adapters.md."""
    project = Project(tmp_path_factory.mktemp("oscar"))
    # Its dependencies speak of Django's next versions; that is not ours to hear.
    project.environment["PYTHONWARNINGS"] = "ignore"
    project.write("mysite/settings.py", OSCAR_SETTINGS)
    ours = [one for one in blocks_of(README) if one.variant in ("", "on SQLite") and "CELERY" not in one.code]
    project.follow([one for one in ours if one.path in ("mysite/settings.py", "mysite/urls.py")])
    project.follow([one for one in blocks_of(ADAPTERS) if one.variant == "with django-oscar"])
    project.write("mysite/settings.py", MAIL)
    project.write("mysite/thumbnails.py", THUMBNAILS)
    project.write("mysite/urls.py", OSCAR_URLS)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


def test_a_filled_basket_gives_the_letter_and_an_order_is_told(shop: Project) -> None:
    names = shop.shell(STORY).splitlines()[-1].split()
    assert names == ["sign_up", "login", "consent_granted", "view_item", "search", "add_to_cart"]
    shop.manage("triggers_run", "--once")
    letters = [path.read_bytes() for path in sorted((shop.folder / "mail").iterdir())]
    texts = [message_from_bytes(one.partition(b"\n----")[0], policy=default) for one in letters]
    (letter,) = [one for one in texts if "cart" in one["Subject"]]
    assert (letter["Subject"], letter["To"]) == ("Your cart: €99.80", "anna@example.com")
    body = letter.get_body(("html",))
    assert body
    for text in ("Evening lamp 2", "https://shop.example/", "/basket/", "Oscar's lamps"):
        assert text in body.get_content(), body.get_content()
    shop.shell(ORDERED)


def test_the_checks_have_nothing_to_say_of_ours(shop: Project) -> None:
    shop.manage("check", "--tag", "triggers", "--fail-level", "WARNING")


LISTENING = """
from oscar.apps.basket.signals import basket_addition
print("triggers.oscar" in str(basket_addition.receivers))
"""


def test_it_can_be_switched_off(shop: Project) -> None:
    assert shop.shell(LISTENING).strip() == "True"
    shop.write("mysite/settings.py", 'TRIGGERS["SOURCES"] = ["allauth"]')
    assert shop.shell(LISTENING).strip() == "False"
