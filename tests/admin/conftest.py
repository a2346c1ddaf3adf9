"""Staff with exactly the rights a test names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

Staff = Callable[..., Client]


@pytest.fixture
def staff(db: None) -> Staff:
    """`staff("view_contact", …)` is a browser of somebody with these rights on our models; `staff()` has none."""

    def make(*rights: str) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        found = Permission.objects.filter(content_type__app_label="triggers", codename__in=rights)
        assert found.count() == len(rights)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def boss(db: None) -> Client:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client
