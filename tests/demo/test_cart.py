from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_shop.carts import restore_token
from demo_shop.models import Cart, CartLine, Product
from tests.demo.conftest import MakeProduct
from triggers.models import Event

pytestmark = pytest.mark.django_db


def add(client: Client, product: Product, quantity: object = 1) -> None:
    answer = client.post(f"/cart/add/{product.pk}/", {"quantity": quantity})
    assert answer.status_code == 302


def pieces(client: Client) -> dict[str, int]:
    return {line.product.sku: line.quantity for line in client.get("/cart/").context["lines"]}


def test_a_strangers_cart_lives_in_the_session(client: Client, lamp: Product) -> None:
    add(client, lamp, 2)
    add(client, lamp)
    assert pieces(client) == {"L-1": 3}
    assert not Cart.objects.exists()
    assert not Event.objects.exists()


def test_a_customers_cart_lives_in_the_database(customer_client: Client, lamp: Product) -> None:
    add(customer_client, lamp, 2)
    cart = Cart.objects.get()
    event = Event.objects.get(name="add_to_cart")
    assert pieces(customer_client) == {"L-1": 2}
    assert (event.object_ref, event.data["value"]) == (f"cart:{cart.pk}", 80)
    assert event.data["items"][0]["quantity"] == 2


@pytest.mark.parametrize(
    "quantity", ["0", "-1", str(10**9), "9" * 5000, "1.5", "many", "", "\0", "٣٣٣", "1e3"]
)
@pytest.mark.parametrize("who", ["client", "customer_client"])
def test_impossible_quantities_are_refused(
    request: pytest.FixtureRequest, lamp: Product, quantity: str, who: str
) -> None:
    client: Client = request.getfixturevalue(who)
    add(client, lamp, quantity)
    assert pieces(client) == {}
    add(client, lamp, 3)
    assert client.post(f"/cart/change/{lamp.pk}/", {"quantity": quantity}).status_code == 302
    assert pieces(client) == {"L-1": 3}


@pytest.mark.parametrize("who", ["client", "customer_client"])
def test_no_more_than_there_is(request: pytest.FixtureRequest, lamp: Product, who: str) -> None:
    client: Client = request.getfixturevalue(who)
    add(client, lamp, 11)
    assert pieces(client) == {}
    add(client, lamp, 8)
    add(client, lamp, 3)
    assert pieces(client) == {"L-1": 8}


@pytest.mark.parametrize("pk", [999_999, 10**40])
@pytest.mark.parametrize("verb", ["add", "change", "remove"])
def test_an_unknown_product_is_not_found(client: Client, lamp: Product, verb: str, pk: int) -> None:
    assert client.post(f"/cart/{verb}/{pk}/", {"quantity": 1}).status_code == 404


@pytest.mark.parametrize("verb", ["add", "change", "remove"])
def test_opening_a_link_changes_no_cart(client: Client, lamp: Product, verb: str) -> None:
    assert client.get(f"/cart/{verb}/{lamp.pk}/").status_code == 405


def test_changing_and_removing_are_events(customer_client: Client, lamp: Product) -> None:
    add(customer_client, lamp, 2)
    for quantity in (5, 1, 1):
        customer_client.post(f"/cart/change/{lamp.pk}/", {"quantity": quantity})
    customer_client.post(f"/cart/remove/{lamp.pk}/")
    customer_client.post(f"/cart/remove/{lamp.pk}/")
    told = [
        (event.name, event.data["items"][0]["quantity"])
        for event in Event.objects.filter(name__endswith="_cart").order_by("pk")
    ]
    assert told == [("add_to_cart", 2), ("add_to_cart", 3), ("remove_from_cart", 4), ("remove_from_cart", 1)]
    assert pieces(customer_client) == {}


def test_login_merges_both_carts_and_says_so(
    client: Client, customer: User, make_product: MakeProduct
) -> None:
    both, mine, scarce = make_product("L-1"), make_product("L-2"), make_product("L-3", stock=3)
    cart = Cart.objects.create(user=customer)
    CartLine.objects.create(cart=cart, product=both, quantity=1)
    CartLine.objects.create(cart=cart, product=scarce, quantity=2)
    add(client, both, 2)
    add(client, mine, 1)
    add(client, scarce, 3)
    client.post("/account/log-in/", {"username": "Anna@Example.com", "password": "lampenlicht9"})
    assert pieces(client) == {"L-1": 3, "L-2": 1, "L-3": 3}
    event = Event.objects.get(name="add_to_cart")
    assert event.object_ref == f"cart:{cart.pk}"
    assert {item["item_id"]: item["quantity"] for item in event.data["items"]} == {
        "L-1": 2,
        "L-2": 1,
        "L-3": 1,
    }
    client.post("/account/log-out/")
    assert pieces(client) == {}


def test_login_forgets_what_is_no_longer_sold(client: Client, customer: User, lamp: Product) -> None:
    add(client, lamp)
    lamp.delete()
    client.post("/account/log-in/", {"username": "anna@example.com", "password": "lampenlicht9"})
    assert pieces(client) == {}
    assert not Event.objects.filter(name="add_to_cart").exists()


class TestRestoreLink:
    @pytest.fixture
    def link(self, customer_client: Client, lamp: Product) -> str:
        add(customer_client, lamp, 2)
        return f"/cart/restore/{restore_token(Cart.objects.get().pk)}/"

    def test_brings_the_owner_to_the_cart(self, customer_client: Client, link: str) -> None:
        assert customer_client.get(link).url == "/cart/"  # type: ignore[attr-defined]

    def test_shows_a_stranger_the_goods_and_changes_nothing(self, client: Client, link: str) -> None:
        page = client.get(link)
        assert page.status_code == 200
        assert "Lamp L-1" in page.content.decode()
        assert "anna" not in page.content.decode().lower()
        assert pieces(client) == {}

    def test_does_not_touch_another_customers_cart(self, client: Client, link: str, lamp: Product) -> None:
        client.force_login(User.objects.create_user("other@example.com"))
        add(client, lamp, 1)
        assert client.get(link).status_code == 200
        assert pieces(client) == {"L-1": 1}
        client.post(link)
        assert pieces(client) == {"L-1": 3}

    def test_a_button_copies_it_on_a_new_device(self, client: Client, link: str) -> None:
        client.post(link)
        client.post(link)
        assert pieces(client) == {"L-1": 2}

    @pytest.mark.parametrize("token", ["x", "1:2:3", "Mw:1aaaaa:bbbb", "ä" * 500])
    def test_a_false_link_is_not_found(self, client: Client, lamp: Product, token: str) -> None:
        assert client.get(f"/cart/restore/{token}/").status_code == 404

    def test_a_cart_that_was_ordered_is_gone(self, client: Client, link: str) -> None:
        Cart.objects.all().delete()
        assert client.get(link).status_code == 404
