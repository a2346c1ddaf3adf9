from __future__ import annotations

from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from PIL import Image
from pytest_django import Settings

from demo_shop.accounts import ADMIN_NAME, ADMIN_PASSWORD
from demo_shop.catalogue import CATALOGUE
from demo_shop.letters import LETTERS, TOPICS, Letter
from demo_shop.models import Category, Product
from demo_shop.pictures import DRAWINGS, PALETTES, draw_product
from triggers.content.letter import LetterSource, letter_problems
from triggers.models import Chain, FrequencyCap


@pytest.mark.django_db
def test_seeding_twice_changes_nothing(settings: Settings, tmp_path: Path, client: Client) -> None:
    settings.MEDIA_ROOT = tmp_path
    call_command("seed_demo", verbosity=0)
    Product.objects.filter(sku="TL-101").update(price=1, stock=0)
    Category.objects.filter(slug="vases").update(name="Pots")
    FrequencyCap.objects.filter(rule__channel="email").update(most=9)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    chains = Chain.objects.count()
    with patch("demo_shop.management.commands.seed_demo.draw_product") as draw:
        call_command("seed_demo", verbosity=0)
    assert not draw.called
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == files
    assert (Product.objects.count(), Category.objects.count(), User.objects.count()) == (24, 6, 1)
    assert Product.objects.get(sku="TL-101").price == 1, "what the owner changed stays"
    assert Chain.objects.count() == chains
    caps = FrequencyCap.objects.order_by("rule__channel")
    assert list(caps.values_list("rule__channel", "most", "hours")) == [
        ("email", 9, 168),
        ("sms", 2, 168),
    ]
    assert client.login(username=ADMIN_NAME, password=ADMIN_PASSWORD)
    for path in (
        "/",
        "/shop/vases/",
        "/product/pilz/",
        "/admin/demo_shop/product/",
        "/admin/demo_shop/order/",
    ):
        assert client.get(path).status_code == 200


@pytest.mark.django_db
def test_lost_pictures_are_drawn_again(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    with patch("demo_shop.management.commands.seed_demo.draw_product", return_value=b"picture"):
        call_command("seed_demo", verbosity=0)
        (tmp_path / "products" / "tl-101.jpg").unlink()
        call_command("seed_demo", verbosity=0)
    assert (tmp_path / "products" / "tl-101.jpg").read_bytes() == b"picture"


def test_the_catalogue_is_complete() -> None:
    articles = [article for shelf in CATALOGUE for article in shelf.articles]
    assert len(articles) == len({article.sku for article in articles}) == 24
    assert {article.drawing for article in articles} == set(DRAWINGS)
    assert {article.palette for article in articles} <= set(PALETTES)
    assert max(len(article.name) for article in articles) > 80, "long names are shown somewhere"


def test_a_picture_is_the_same_every_time() -> None:
    first = draw_product("mushroom", "amber")
    assert first == draw_product("mushroom", "amber")
    with Image.open(BytesIO(first)) as picture:
        assert (picture.size, picture.format) == ((800, 800), "JPEG")
        assert len(picture.resize((40, 40)).getcolors(1600) or ()) > 300, "drawn, not filled"


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.key)
def test_the_letters_are_in_the_language_of_templates(letter: Letter) -> None:
    source = LetterSource(subject=letter.subject, preheader=letter.preheader, html=letter.html)
    assert letter_problems(source) == {}


def test_marketing_letters_can_be_unsubscribed_from() -> None:
    topics = {topic.key for topic in TOPICS}
    for letter in LETTERS:
        assert letter.topic in topics | {""}
        assert ("links.unsubscribe" in letter.html) == (letter.message_class == "marketing")
        assert "shop.address" in letter.html
