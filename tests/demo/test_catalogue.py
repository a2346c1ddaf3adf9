from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from demo_shop.models import Product
from tests.demo.conftest import MakeProduct
from triggers.models import Event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    ["/", "/shop/lamps/", "/product/l-1/", "/search/", "/cart/", "/delivery/", "/contact/", "/newsletter/", "/mailbox/",
     "/account/sign-up/", "/account/log-in/", "/account/password/"],
)  # fmt: skip
def test_pages_open_for_everybody_and_say_what_this_is(lamp: Product, client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "This shop is a demo." in page.content.decode()


@pytest.mark.parametrize(
    "path", ["/shop/nothing/", "/product/nothing/", "/mailbox/1/", f"/mailbox/{10**30}/", "/nowhere/"]
)
def test_what_is_not_there_is_not_found(client: Client, lamp: Product, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_customers_look_at_a_product_is_an_event(customer_client: Client, lamp: Product) -> None:
    customer_client.get("/product/l-1/")
    event = Event.objects.get(name="view_item")
    assert event.object_ref == f"product:{lamp.pk}"
    assert event.data == {
        "currency": "EUR",
        "value": 40,
        "items": [
            {"item_id": "L-1", "item_name": "Lamp L-1", "item_category": "Lamps", "price": 40, "quantity": 1}
        ],
    }


def test_a_strangers_looks_are_nobodys_events(client: Client, lamp: Product) -> None:
    for path in ("/product/l-1/", "/search/?q=lamp", "/delivery/", "/prices.csv"):
        client.get(path)
    assert not Event.objects.exists()


def test_search_wants_every_word(customer_client: Client, make_product: MakeProduct) -> None:
    make_product("L-1", name="Brass lamp")
    make_product("L-2", name="Paper lamp", material="Paper")
    page = customer_client.get("/search/", {"q": "LAMP paper"})
    assert [product.sku for product in page.context["products"]] == ["L-2"]
    assert Event.objects.get(name="search").data == {"search_term": "LAMP paper", "results": 1}


@pytest.mark.parametrize(
    "words", ["", " ", "a" * 5000, "\0", "%", "'; drop table", "<script>alert(1)</script>", "💡"]
)
def test_search_survives_anything(customer_client: Client, lamp: Product, words: str) -> None:
    page = customer_client.get("/search/", {"q": words})
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_the_price_list_is_a_file_and_an_event(customer_client: Client, lamp: Product) -> None:
    answer = customer_client.get("/prices.csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[1] == ["L-1", "Lamp L-1", "Lamps", "40.00", "EUR", "10"]
    assert Event.objects.get(name="file_download").data["file_extension"] == "csv"


def test_long_lists_cost_the_same_queries(
    client: Client, make_product: MakeProduct, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        make_product(f"L-{number}", is_featured=True)
    with django_assert_max_num_queries(6):
        client.get("/shop/lamps/")


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (3 / 3600, "1 hour passes in 3 seconds."),
        (0.001, "1 hour passes in 3.6 seconds."),
        (1 / 3600, "1 hour passes in 1 second."),
        (1 / 60, "1 hour passes in 1 minute."),
        (0.5, "1 hour passes in 30 minutes."),
        (1, "Time passes as usual."),
    ],
)
def test_the_banner_names_the_pace_of_time(
    client: Client, settings: Settings, scale: float, words: str
) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "WAIT_SCALE": scale}
    assert words in client.get("/").content.decode()


def test_a_page_without_an_icon_finds_the_shops(client: Client) -> None:
    assert client.get("/favicon.ico").url == "/static/demo_shop/icon.svg"  # type: ignore[attr-defined]
