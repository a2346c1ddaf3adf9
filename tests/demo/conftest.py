"""A shelf, things on it, and somebody who shops."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_shop.models import Category, Product, Profile

MakeProduct = Callable[..., Product]

ADDRESS = {
    "email": "guest@example.com",
    "first_name": "Gerda",
    "last_name": "Gast",
    "street": "Gartenweg 3",
    "postcode": "10119",
    "city": "Berlin",
    "delivery": "standard",
}


@pytest.fixture
def make_product(db: None) -> MakeProduct:
    shelf = Category.objects.create(slug="lamps", name="Lamps")

    def make(sku: str = "L-1", **fields: Any) -> Product:
        values = {
            "category": shelf,
            "slug": sku.lower(),
            "name": f"Lamp {sku}",
            "description": "Gives light.",
            "material": "Brass",
            "dimensions": "30 cm",
            "price": Decimal("40.00"),
            "stock": 10,
        }
        return Product.objects.create(sku=sku, **{**values, **fields})

    return make


@pytest.fixture
def lamp(make_product: MakeProduct) -> Product:
    return make_product()


@pytest.fixture
def customer(db: None) -> User:
    user = User.objects.create_user("anna@example.com", "anna@example.com", "lampenlicht9", first_name="Anna")
    Profile.objects.create(user=user, phone="+493023125142", language="en")
    return user


@pytest.fixture
def customer_client(customer: User) -> Client:
    client = Client()
    client.force_login(customer)
    return client
