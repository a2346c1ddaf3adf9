from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo_shop.adapter import DemoShopAdapter
from demo_shop.carts import CustomerCart, Line
from demo_shop.models import Order, OrderStatus, Product
from demo_shop.orders import change_status, place_order
from tests.demo.conftest import ADDRESS, MakeProduct
from triggers.shop.adapter import ContactRef

pytestmark = pytest.mark.django_db


def shopper(number: int, *products: Product) -> ContactRef:
    user = User.objects.create_user(f"c{number}@example.com", f"c{number}@example.com")
    CustomerCart(user).merge([Line(product, 2) for product in products])
    return ContactRef(id=1000 + number, external_id=str(user.pk), email=user.email)


def ordered(contact: ContactRef) -> Order:
    cart = CustomerCart(User.objects.get(pk=contact.external_id))
    return change_status(place_order(cart, {**ADDRESS, "email": contact.email}), OrderStatus.PAID)


def test_a_live_cart_with_addresses_for_a_letter(lamp: Product, client: Client) -> None:
    lamp.image = "products/l-1.jpg"
    lamp.save()
    contact = shopper(1, lamp)
    cart = DemoShopAdapter().carts([contact])[contact.id]
    (item,) = cart.items
    assert (cart.total, cart.count, cart.currency) == (Decimal(80), 2, "EUR")
    assert (item.name, item.price, item.quantity) == ("Lamp L-1", Decimal(40), 2)
    assert item.url == "https://shop.test/product/l-1/"
    assert item.image_url == "https://shop.test/media/products/l-1.jpg"
    assert cart.url.startswith("https://shop.test/cart/restore/")
    assert client.get(cart.url.removeprefix("https://shop.test")).status_code == 200


def test_those_without_a_cart_are_absent(lamp: Product) -> None:
    nobody = [
        ContactRef(1, "", "guest@example.com"),
        ContactRef(2, "abc", ""),
        ContactRef(3, "9" * 30, ""),
        ContactRef(4, "77", ""),
    ]
    adapter = DemoShopAdapter()
    assert adapter.carts([*nobody, shopper(1)]) == {}
    assert adapter.last_orders(nobody) == {}
    assert adapter.load_facts(["cart.total", "orders.count", "orders.total"], nobody)[1] == {
        "cart.total": 0, "cart.count": 0, "orders.count": 0, "orders.total": 0,
    }  # fmt: skip


def test_orders_by_reference_and_the_last_one(lamp: Product) -> None:
    contact = shopper(1, lamp)
    first = ordered(contact)
    CustomerCart(User.objects.get(pk=contact.external_id)).merge([Line(lamp, 1)])
    second = ordered(contact)
    adapter = DemoShopAdapter()
    assert adapter.last_orders([contact])[contact.id].number == second.number
    found = adapter.orders([f"order:{first.pk}", "order:0", "order:x", f"order:{'9' * 40}", "cart:1", ""])
    assert [order.number for order in found.values()] == [first.number]
    assert (found[f"order:{first.pk}"].total, found[f"order:{first.pk}"].status) == (Decimal("84.90"), "paid")


def test_a_guests_orders_belong_to_the_address(lamp: Product, client: Client) -> None:
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 1})
    client.post("/checkout/", ADDRESS)
    change_status(Order.objects.get(), OrderStatus.PAID)
    guest = ContactRef(5, "", "Guest@Example.com")
    facts = DemoShopAdapter().load_facts(["orders.count", "orders.total"], [guest])
    assert facts[5] == {"orders.count": 1, "orders.total": Decimal("44.90")}


QUESTIONS: list[Callable[[list[ContactRef]], Any]] = [
    lambda contacts: DemoShopAdapter().carts(contacts),
    lambda contacts: DemoShopAdapter().last_orders(contacts),
    lambda contacts: DemoShopAdapter().load_facts(["cart.total", "orders.count"], contacts),
]


@pytest.mark.parametrize("ask", QUESTIONS)
def test_one_contact_costs_as_many_queries_as_twenty(
    make_product: MakeProduct, ask: Callable[..., Any]
) -> None:
    products = [make_product(f"L-{n}", stock=500) for n in range(3)]
    contacts = [shopper(number, *products) for number in range(20)]
    for contact in contacts:
        ordered(contact)
        CustomerCart(User.objects.get(pk=contact.external_id)).merge(
            [Line(product, 1) for product in products]
        )

    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(ask(contacts[:count])) == count
        return len(captured)

    assert queries(1) == queries(20) <= 5
