from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_shop.models import Cart, Order, OrderStatus, Product
from demo_shop.orders import WrongStatus, change_status, order_token
from tests.demo.conftest import ADDRESS
from triggers.models import Contact, Event

pytestmark = pytest.mark.django_db


def order_of(client: Client, product: Product, quantity: int = 1, **changes: str) -> Order:
    client.post(f"/cart/add/{product.pk}/", {"quantity": quantity})
    answer = client.post("/checkout/", {**ADDRESS, **changes})
    assert answer.status_code == 302, answer.context["form"].errors
    return Order.objects.get(number=answer.url.split("/")[2])  # type: ignore[attr-defined]


def test_a_guest_orders_and_pays(client: Client, lamp: Product) -> None:
    order = order_of(client, lamp, 2, email="Guest@Example.com")
    assert (order.status, order.total, order.shipping) == ("placed", Decimal("84.90"), Decimal("4.90"))
    assert (order.user, order.email) == (None, "guest@example.com")
    assert not Event.objects.exists()
    paid = client.post(f"/orders/{order.number}/pay/", {"outcome": "paid"})
    assert client.get(paid.url).status_code == 200  # type: ignore[attr-defined]
    event = Event.objects.get(name="purchase")
    assert event.contact.email == "guest@example.com"
    assert event.object_ref == f"order:{order.pk}"
    assert event.data["transaction_id"] == order.number
    assert (event.data["value"], event.data["shipping"], event.data["currency"]) == (84.9, 4.9, "EUR")
    assert event.data["items"][0]["item_id"] == "L-1"
    assert Event.objects.get(name="order_status_changed").data["to"] == "paid"


def test_a_customers_order_takes_the_cart_along(
    customer_client: Client, customer: User, lamp: Product
) -> None:
    order = order_of(customer_client, lamp, 3, delivery="express")
    assert (order.user, order.shipping) == (customer, Decimal("12.90"))
    assert not Cart.objects.exists()
    lamp.refresh_from_db()
    assert lamp.stock == 7
    customer_client.post(f"/cart/add/{lamp.pk}/", {"quantity": 1})
    refs = Event.objects.filter(name="add_to_cart").values_list("object_ref", flat=True)
    assert len(set(refs)) == 2, "the next cart is another object"


def test_the_checkout_begins_with_an_event(customer_client: Client, lamp: Product) -> None:
    customer_client.post(f"/cart/add/{lamp.pk}/", {"quantity": 2})
    customer_client.get("/checkout/")
    event = Event.objects.get(name="begin_checkout")
    assert (event.object_ref, event.data["value"]) == (f"cart:{Cart.objects.get().pk}", 80)


def test_delivery_is_free_from_a_hundred(client: Client, lamp: Product) -> None:
    assert order_of(client, lamp, 3).shipping == 0


def test_an_empty_cart_cannot_be_ordered(client: Client, lamp: Product) -> None:
    assert client.get("/checkout/").url == "/cart/"  # type: ignore[attr-defined]
    assert client.post("/checkout/", ADDRESS).url == "/cart/"  # type: ignore[attr-defined]


def test_the_same_form_sent_twice_is_one_order(client: Client, lamp: Product) -> None:
    order_of(client, lamp)
    assert client.post("/checkout/", ADDRESS).url == "/cart/"  # type: ignore[attr-defined]
    assert Order.objects.count() == 1


def test_somebody_was_faster(client: Client, lamp: Product) -> None:
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 5})
    Product.objects.update(stock=4)
    answer = client.post("/checkout/", ADDRESS, follow=True)
    assert "Somebody was faster" in answer.content.decode()
    lamp.refresh_from_db()
    assert (Order.objects.count(), lamp.stock) == (0, 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not an address"), ("email", "a@b.c, d@e.f"), ("email", "a@b.co\nBcc: x@y.zz"), ("email", ""),
        ("first_name", ""), ("city", "x" * 500), ("street", "\0"), ("phone", "call me"), ("phone", "9" * 300),
        ("delivery", "by swan"), ("delivery", ""),
    ],
)  # fmt: skip
def test_bad_details_are_named_and_the_cart_stays(
    client: Client, lamp: Product, field: str, value: str
) -> None:
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 1})
    page = client.post("/checkout/", {**ADDRESS, field: value})
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert not Order.objects.exists()
    assert client.get("/cart/").context["lines"]


@pytest.mark.parametrize("page", ["", "payment/", "thanks/"])
def test_somebody_elses_order_does_not_exist(
    client: Client, customer_client: Client, lamp: Product, page: str
) -> None:
    of_customer, of_guest = order_of(customer_client, lamp), order_of(client, lamp)
    stranger = Client()
    stranger.force_login(User.objects.create_user("other@example.com"))
    for order in (of_customer, of_guest):
        for visitor in (Client(), stranger):
            assert visitor.get(f"/orders/{order.number}/{page}").status_code == 404
            assert visitor.post(f"/orders/{order.number}/pay/", {"outcome": "paid"}).status_code == 404
    assert customer_client.get(f"/orders/{of_guest.number}/").status_code == 404
    assert not Order.objects.filter(status="paid").exists()


def test_an_order_of_an_account_needs_that_account(customer_client: Client, lamp: Product) -> None:
    order = order_of(customer_client, lamp)
    customer_client.logout()
    assert customer_client.get(f"/orders/{order.number}/").status_code == 404


def test_a_refused_payment_can_be_tried_again(client: Client, lamp: Product) -> None:
    order = order_of(client, lamp)
    for outcome in ("failed", "", "PAID"):
        client.post(f"/orders/{order.number}/pay/", {"outcome": outcome})
    order.refresh_from_db()
    assert (order.status, Event.objects.count()) == ("placed", 0)
    assert client.get(f"/orders/{order.number}/thanks/").url == f"/orders/{order.number}/payment/"  # type: ignore[attr-defined]
    for _twice in range(2):
        client.post(f"/orders/{order.number}/pay/", {"outcome": "paid"})
    assert Event.objects.filter(name="purchase").count() == 1


def test_the_link_of_a_letter_shows_the_order_without_address_or_payment(
    client: Client, lamp: Product
) -> None:
    order = order_of(client, lamp)
    page = Client().get(f"/order-link/{order_token(order)}/").content.decode()
    assert order.number in page
    assert "Gartenweg" not in page
    assert "Pay now" not in page
    assert Client().get(f"/order-link/{order.pk}/").status_code == 404


def test_cancelling_gives_the_goods_and_the_money_back(client: Client, lamp: Product) -> None:
    order = change_status(order_of(client, lamp, 4), OrderStatus.PAID)
    change_status(order, OrderStatus.CANCELLED)
    lamp.refresh_from_db()
    assert lamp.stock == 10
    assert Event.objects.get(name="refund").data["transaction_id"] == order.number
    with pytest.raises(WrongStatus):
        change_status(order, OrderStatus.PAID)


def test_the_admin_moves_orders_on(admin_client: Client, client: Client, lamp: Product) -> None:
    paid, unpaid = change_status(order_of(client, lamp), OrderStatus.PAID), order_of(client, lamp)
    action = {"action": "mark_shipped", "_selected_action": [paid.pk, unpaid.pk]}
    page = admin_client.post("/admin/demo_shop/order/", action, follow=True).content.decode()
    assert "1 order is now: shipped." in page
    assert unpaid.number in page
    told = Event.objects.filter(name="order_status_changed", object_ref=f"order:{paid.pk}").order_by("pk")
    assert [event.data["to"] for event in told] == ["paid", "shipped"]


def test_the_orders_own_page_in_the_admin_keeps_the_rules(
    admin_client: Client, client: Client, lamp: Product
) -> None:
    order = order_of(client, lamp)
    inline = {f"lines-{key}_FORMS": 0 for key in ("TOTAL", "INITIAL")}
    for wanted, expected in (("delivered", "placed"), ("paid", "paid")):
        admin_client.post(f"/admin/demo_shop/order/{order.pk}/change/", {"status": wanted, **inline})
        order.refresh_from_db()
        assert order.status == expected


def test_the_checkout_says_what_each_delivery_comes_to(client: Client, lamp: Product) -> None:
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 2})
    page = client.get("/checkout/").content.decode()
    sums = page[page.index("sums") : page.index("Order and pay")]
    for text in ("€80.00", "€4.90", "€84.90", "€12.90", "€92.90"):
        assert text in sums
    client.post(f"/cart/change/{lamp.pk}/", {"quantity": 3})
    page = client.get("/checkout/").content.decode()
    sums = page[page.index("sums") : page.index("Order and pay")]
    assert sums.count("€120.00") == 2, "goods, and the total with free delivery"
    assert "€132.90" in sums


def test_a_guests_contact_learns_the_name_from_the_order(client: Client, lamp: Product) -> None:
    change_status(order_of(client, lamp), OrderStatus.PAID)
    contact = Contact.objects.get(email="guest@example.com")
    assert (contact.first_name, contact.last_name) == ("Gerda", "Gast")
    change_status(order_of(client, lamp, first_name="Somebody"), OrderStatus.PAID)
    contact.refresh_from_db()
    assert contact.first_name == "Gerda", "a name that is known stays"


def test_a_guest_cannot_rename_a_customer(client: Client, customer: User, lamp: Product) -> None:
    User.objects.filter(pk=customer.pk).update(first_name="")
    Contact.objects.filter(external_id=str(customer.pk)).update(first_name="")
    change_status(order_of(client, lamp, email=customer.email), OrderStatus.PAID)
    assert Contact.objects.get(external_id=str(customer.pk)).first_name == ""
