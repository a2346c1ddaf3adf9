"""The examples of docs/extending.md, plugged into the README's shop and used."""

from __future__ import annotations

import pytest

from tests.docs.foreign import Project, blocks_of
from tests.project.files import ROOT

USED = """
from django.contrib.auth.models import User

import triggers
from shop import accounts
from shop.models import Order, OrderLine, Product
from triggers.engine.publish import publish
from triggers.models import Chain, Journey, Message, Step, Template, Topic
from triggers.testing import run_due

topic = Topic.objects.create(key="news", name="News")
Template.objects.create(
    key="thanks", name="Thanks", message_class="transactional", subject="Order {{ order.number }}",
    html="<p>{% for item in order.items %}{{ item.name }} {{ item.total|money:order.currency }}{% endfor %}</p>",
)
chain = Chain.objects.create(
    key="own", name="Own", entry_kind="any_of", entry_config={"events": ["purchase", "refund"]}
)
level = Step.objects.create(chain=chain, key="level", position=0, kind="set_level", config={"gold_from": 100})
asked = Step.objects.create(
    chain=chain, key="asked", position=1, kind="condition", config={"condition": {"kind": "weekend"}}
)
for branch in ("yes", "no"):
    Step.objects.create(chain=chain, key=branch, parent=asked, branch=branch, kind="send_email", config={"template": "thanks"})
publish(chain)

for name, total in (("anna", 150), ("ben", 20), ("tess", 10)):
    user = User.objects.create_user(name, f"{name}@{'tester.example' if name == 'tess' else 'example.com'}")
    order = Order.objects.create(user=user, email=user.email, number=f"N{total}", total=total)
    product = Product.objects.create(sku=name, name=f"Lamp of {name}", price=total)
    OrderLine.objects.create(order=order, product=product, price=total, quantity=1)
    triggers.capture("purchase", contact=user, object_ref=f"order:{order.pk}")
run_due()

levels = {one.contact.email: one.contact.attributes["level"] for one in Journey.objects.select_related("contact")}
assert levels == {"anna@example.com": "gold", "ben@example.com": "basic", "tess@tester.example": "basic"}, levels
bodies = {one.contact.email: one.body for one in Message.objects.filter(state="accepted").select_related("body", "contact")}
assert bodies["anna@example.com"].subject == "Order N150"
assert "Lamp of anna €150.00" in bodies["anna@example.com"].html
assert set(bodies) == {"anna@example.com", "ben@example.com"}
stopped = Message.objects.get(state="cancelled")
assert stopped.contact.email == "tess@tester.example" and stopped.reason_data == {"why": "testers get nothing"}
"""

ADMIN = """
from django.contrib.auth.models import User
from django.test import Client
from triggers.models import Chain

client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_superuser("boss", "boss@example.com"))
page = client.get(f"/admin/triggers/chain/{Chain.objects.get().pk}/change/").content.decode()
for text in ("Level: gold from 100", "it is weekend", "When one of purchase, refund"):
    assert text in page, text
"""

TEXTED = """
from unittest import mock

import requests

from triggers.delivery.sms import SMSMessage
from triggers.delivery.text import send_text

def answer(status, body=b'{"id": 7}'):
    response = requests.Response()
    response.status_code, response._content = status, body
    return response

message = SMSMessage("uid", "+491701234567", "Hello")
for given, status in (
    (answer(200), "accepted"), (answer(400), "refused"), (answer(429), "not_sent"), (answer(500), "unknown"),
    (requests.ConnectTimeout(), "not_sent"), (requests.ReadTimeout(), "unknown"),
):
    with mock.patch("requests.post", side_effect=[given]) as post:
        outcome = send_text(message)
    assert outcome.status == status, (given, outcome)
    assert post.call_args.kwargs["json"]["to"] == "+491701234567"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The README's shop with everything of docs/extending.md."""
    project = Project(tmp_path_factory.mktemp("extended"))
    for document in ("README.md", "docs/chains.md", "docs/extending.md"):
        project.follow([one for one in blocks_of(ROOT / document) if one.variant in ("", "on SQLite")])
    project.write("mysite/settings.py", 'EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"\n')
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


def test_kinds_facts_and_a_receiver_work_together(shop: Project) -> None:
    assert "no issues" in shop.manage("check", "--fail-level", "WARNING")
    shop.shell(USED)
    shop.shell(ADMIN)


def test_the_provider_says_what_it_knows(shop: Project) -> None:
    shop.shell(TEXTED)


def test_the_shops_own_test_passes(shop: Project) -> None:
    said = shop.manage("test", "shop")
    assert "Ran 1 test" in said
    assert "OK" in said
