"""Cleaned data through the real database and back: what was stored is what is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.build import make_contact
from tests.capture.test_payloads import KEPT, hostile
from triggers.capturing import record_event
from triggers.exceptions import InvalidEvent
from triggers.models import Contact, Event
from triggers.payloads import clean_data

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact() -> Contact:
    return make_contact(agrees=False)


def stored(contact: Contact, data: Any) -> Any:
    event = record_event("view_item", contact=contact, data=data, object_ref="a\0\ud800")
    return Event.objects.get(pk=event.pk).data


@pytest.mark.parametrize(("value", "expected"), KEPT, ids=lambda value: ascii(value)[:40])
def test_odd_values(contact: Contact, value: Any, expected: Any) -> None:
    assert stored(contact, {"x": value}) == {"x": expected}


@pytest.mark.parametrize(
    "value",
    [
        1e15,
        1e16,
        1.2345678901234567e18,
        2.0**63 - 2048,
        9007199254740993.0,
        5e-324,
        1e-300,
        -(2.0**53),
        0.1 + 0.2,
    ],
)
def test_floats(contact: Contact, value: float) -> None:
    """PostgreSQL gives large floats back as whole numbers, rounded as they were printed."""
    assert stored(contact, {"x": value}) == {"x": value}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile)
def test_whatever_is_accepted_comes_back(contact: Contact, data: dict[str, Any]) -> None:
    try:
        cleaned = clean_data(data)
    except InvalidEvent:
        return
    found = stored(contact, data)
    assert found == cleaned
    assert clean_data(found) == found


def test_names_and_refs_as_long_as_their_columns(contact: Contact) -> None:
    event = record_event("x" * 64, contact=contact, object_ref="ü" * 100)
    found = Event.objects.get(pk=event.pk)
    assert (found.name, found.object_ref) == ("x" * 64, "ü" * 100)
