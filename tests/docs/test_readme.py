"""The README's lines, in a project that has nothing but them: an event goes in, a letter comes out."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.docs.foreign import Project, all_blocks, blocks_of
from tests.project.files import ROOT

README = ROOT / "README.md"
CHAINS = ROOT / "docs" / "chains.md"

# The test's own: letters become files, so that another process can read them.
MAIL = """
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "mail"
"""

STORY = """
from django.contrib.auth.models import User
from django.test import RequestFactory

from shop import accounts, first_chain, views
from shop.models import Order, Product

lamp = Product.objects.create(sku="L1", name="Evening lamp", price="49.90")
shade = Product.objects.create(sku="S1", name="Linen shade", price="12.00")
first_chain.install()
anna = User.objects.create_user("anna", "anna@example.com", first_name="Anna")
accounts.agree_to_news(anna)
request = RequestFactory().post("/")
request.user = anna
for product in (lamp, shade):
    views.add_to_cart(request, product.pk)
"""

ORDERED = """
from django.contrib.auth.models import User
from django.test import RequestFactory

from shop import views
from shop.models import Order

request = RequestFactory().post("/")
request.user = User.objects.get()
views.order(request)
order = Order.objects.get()
order.status = "shipped"
order.save()

from triggers.models import Event

print(*Event.objects.order_by("pk").values_list("name", flat=True))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The foreign shop after following the README and the code of docs/chains.md."""
    project = Project(tmp_path_factory.mktemp("foreign"))
    project.follow([one for one in blocks_of(README) if one.variant in ("", "on SQLite")])
    project.follow([one for one in blocks_of(CHAINS) if not one.variant])
    project.write("mysite/settings.py", MAIL)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


def test_the_checks_are_silent(shop: Project) -> None:
    assert "no issues" in shop.manage("check", "--fail-level", "WARNING")


def test_no_migration_is_left_over(shop: Project) -> None:
    shop.manage("makemigrations", "triggers", "--check", "--dry-run")


def test_from_the_cart_to_the_letter_without_celery(shop: Project) -> None:
    shop.shell(STORY)
    shop.manage("triggers_run", "--once")
    (path,) = (shop.folder / "mail").iterdir()
    letter = message_from_bytes(path.read_bytes().partition(b"\n----")[0], policy=default)
    assert letter["Subject"] == "Your cart: €61.90"
    assert letter["To"] == "anna@example.com"
    assert letter["From"] == "My Shop <hello@shop.example>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        body = letter.get_body((kind,))
        assert body is not None
        for text in (
            "Hello Anna",
            "Evening lamp: €49.90",
            "Linen shade: €12.00",
            "https://shop.example/triggers/unsubscribe/",
        ):
            assert text in body.get_content()

    names = shop.shell(ORDERED).splitlines()[-1].split()
    assert names == [
        *("sign_up", "consent_granted", "add_to_cart", "add_to_cart", "purchase", "order_status_changed"),
    ]


def test_with_celery(shop: Project) -> None:
    assert "every 1 s" in shop.manage("triggers_beat")
    shop.shell("""
from mysite import celery_app
celery_app.loader.import_default_modules()
assert {"triggers.tick", "triggers.turn", "triggers.deliver"} <= set(celery_app.tasks)
assert celery_app.conf.beat_scheduler == "django_celery_beat.schedulers:DatabaseScheduler"
assert celery_app.conf.broker_url.startswith("redis://")
""")


def test_the_admin_opens(shop: Project) -> None:
    shop.shell("""
from django.contrib.auth.models import User
from django.test import Client

client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_superuser("boss", "boss@example.com"))
for name in ("chain", "contact", "event", "heartbeat", "journey", "message", "suppression", "template", "topic"):
    answer = client.get(f"/admin/triggers/{name}/")
    assert answer.status_code == 200, (name, answer.status_code)
""")


@pytest.mark.parametrize("variant", sorted({one.variant for one in all_blocks() if one.variant}))
def test_settings_for_others_are_accepted(variant: str, tmp_path: Path) -> None:
    """Lines for some readers only, on top of the README's: Django and our checks accept them."""
    blocks = [one for one in all_blocks() if one.variant == variant]
    project = Project(tmp_path)
    project.follow([one for one in blocks_of(README) if not one.variant])
    project.follow(blocks)
    project.manage("check", "--tag", "triggers")
