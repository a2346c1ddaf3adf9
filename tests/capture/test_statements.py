"""What one capture costs: one savepoint, two inserts, and never a word to a broker."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from celery.app.task import Task
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import triggers
from tests.build import make_contact

pytestmark = pytest.mark.django_db(transaction=True)


def statements(contact: Any) -> list[str]:
    """First words of what the database is asked during one capture in the shop's transaction."""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert triggers.capture(
            "add_to_cart", contact=contact, data={"items": [{"ref": "lamp", "price": 40}]}
        )
    return [query["sql"].split()[0] for query in queries.captured_queries]


def test_for_a_known_contact() -> None:
    assert statements(make_contact(agrees=False)) == ["SAVEPOINT", "INSERT", "INSERT", "RELEASE"]


def test_for_a_user_whose_contact_was_seen_in_this_request() -> None:
    user = User.objects.create(username="ann", email="ann@example.com")
    triggers.capture("view_item", contact=user)
    assert statements(user) == ["SAVEPOINT", "INSERT", "INSERT", "RELEASE"]


def test_for_a_known_user_and_a_known_address_one_look_more() -> None:
    user = User.objects.create(username="ann", email="ann@example.com")
    expected = ["SAVEPOINT", "SELECT", "INSERT", "INSERT", "RELEASE"]
    assert statements(User.objects.get(pk=user.pk)) == expected
    assert statements("ann@example.com") == expected


def test_bad_data_costs_no_insert() -> None:
    contact = make_contact(agrees=False)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        triggers.capture("add_to_cart", contact=contact, data={"x": b""})
    assert not [query for query in queries.captured_queries if "INSERT" in query["sql"]]


def test_no_broker_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def ring(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a task was sent from the shop's process")

    monkeypatch.setattr(Task, "apply_async", ring)
    monkeypatch.setattr("kombu.Connection.connect", ring)
    monkeypatch.setattr("kombu.messaging.Producer.publish", ring)
    with transaction.atomic():
        assert triggers.capture("purchase", contact="ann@example.com")


def test_capturing_does_not_even_load_celery() -> None:
    """In a process of its own: a shop's web server must not pay for, or depend on, what it never uses."""
    code = "import triggers.capturing, sys; print(sorted(m for m in sys.modules if m in ('celery', 'kombu', 'amqp')))"
    setup = (
        "from django.conf import settings; import django;"
        "settings.configure(INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes', 'triggers'],"
        "TRIGGERS={'BASE_URL': 'https://shop.test'}); django.setup();"
    )
    done = subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
