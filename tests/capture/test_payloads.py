"""Event data at the door: what is made storable, what is refused, and by which name."""

from __future__ import annotations

import enum
import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import models
from django.test import override_settings
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import NOW
from triggers.exceptions import InvalidEvent
from triggers.models import Topic
from triggers.payloads import clean_data, clean_moment, clean_name, clean_ref


class Colour(str, enum.Enum):  # noqa: UP042
    """As written before StrEnum: `str()` of a member is its name."""

    RED = "red"


class Size(models.TextChoices):
    LARGE = "l", "large"


class Level(enum.IntEnum):
    TOP = 3


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("not now")


KEPT = [
    ("a\0b", "ab"),
    ("x\ud800y", "x\ufffdy"),
    ("x\udc00", "x\ufffd"),
    ("\ud83d\ude00", "😀"),
    ("\ufeffbom", "\ufeffbom"),
    ("\u202eevil\u2028", "\u202eevil\u2028"),
    (gettext_lazy("Yes"), "Yes"),
    (Colour.RED, "red"),
    (Size.LARGE, "l"),
    (Level.TOP, 3),
    (Loud("quiet"), "quiet"),
    (True, True),
    (0, 0),
    (2**63 - 1, 2**63 - 1),
    (1.5, 1.5),
    (-0.0, 0.0),
    (1e17, 10**17),
    (Decimal("99.90"), 99.9),
    (Decimal("120.00"), 120),
    (Decimal("1E-400"), 0.0),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (date(2026, 3, 2), "2026-03-02"),
    (time(9, 30), "09:30:00"),
    (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "9999-12-31T23:59:00+00:00"),
    ("10000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    ((1, [2]), [1, [2]]),
    ({"deep": {"er": None}}, {"deep": {"er": None}}),
    ("x" * 10_000, "x" * 10_000),
]


@pytest.mark.parametrize(("given", "expected"), KEPT, ids=lambda value: ascii(value)[:40])
def test_made_storable(given: Any, expected: Any) -> None:
    cleaned = clean_data({"x": given})["x"]
    assert cleaned == expected
    assert type(cleaned) is type(expected)


def nest(levels: int, box: type = dict) -> Any:
    value: Any = 1
    for _level in range(levels):
        value = {"a": value} if box is dict else [value]
    return value


def wide() -> list[Any]:
    """A thousand million values: whoever looks at all of them before saying no hangs the shop."""
    rows: list[Any] = [1] * 1000
    return [[rows] * 1000] * 1000


def circle() -> dict[str, Any]:
    parent: dict[str, Any] = {}
    parent["children"] = [{"parent": parent, "number": number} for number in range(100)]
    return parent


REFUSED = [
    ({"price": float("nan")}, "data.price"),
    ({"price": math.inf}, "data.price"),
    ({"price": Decimal("NaN")}, "data.price"),
    ({"price": Decimal("sNaN")}, "data.price"),
    ({"price": Decimal("-Infinity")}, "data.price"),
    ({"price": Decimal("1E+999999")}, "data.price"),
    ({"price": Decimal("1E+5000000")}, "data.price"),
    ({"count": 10**400}, "data.count"),
    ({"count": 2**63}, "data.count"),
    ({"count": -(10**5000)}, "data.count"),
    ({"count": 1e300}, "data.count"),
    ({"text": "x" * 1_000_000}, "data.text"),
    ({"text": "x" * 10_001}, "data.text"),
    ({"file": b"bytes"}, "data.file"),
    ({"tags": {"a", "b"}}, "data.tags"),
    ({"when": timedelta(1)}, "data.when"),
    ({"who": Topic(key="t", name="T")}, "data.who"),
    ({"z": 1j}, "data.z"),
    ({"f": len}, "data.f"),
    ({"items": [{"price": 1}, {"price": float("nan")}]}, "data.items[1].price"),
    ({"deep": nest(1000)}, "data.deep" + ".a" * 7),
    ({"deep": nest(8, list)}, "data.deep" + "[0]" * 7),
    ({str(number): 1 for number in range(10_000)}, "data"),
    ({"sub": {str(number): 1 for number in range(101)}}, "data.sub"),
    ({"list": [0] * 1001}, "data.list"),
    ({"": 1}, "data"),
    ({"\0": 1}, "data"),
    ({"x" * 101: 1}, "data"),
    ({1: 1}, "data"),
    ({None: 1}, "data"),
    ({b"a": 1}, "data"),
    ({"sub": {5: 1}}, "data.sub"),
    ({"a": "ü" * 9999, "b": "ü" * 9999}, "data"),
    ({"rows": [["x" * 100] * 100] * 100}, "data"),
    ({"wide": wide()}, "data"),
    ({"circle": circle()}, "data.circle.children[0].parent.children[0].parent.children"),
    ([("a", 1)], "data"),
    ("text", "data"),
    (5, "data"),
    (True, "data"),
]


@pytest.mark.parametrize(("given", "field"), REFUSED, ids=[f"{number}-{field}"[:40] for number, (_, field) in enumerate(REFUSED)])  # fmt: skip
def test_refused_with_the_field_named(given: Any, field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        clean_data(given)
    assert refused.value.field == field
    assert len(str(refused.value)) < 1000


def test_the_size_is_the_shops_choice() -> None:
    data = {"rows": ["x" * 50] * 900}
    with pytest.raises(InvalidEvent, match="32768"):
        clean_data(data)
    with override_settings(TRIGGERS={"EVENT_BYTES": 100_000}):
        assert clean_data(data) == data


def test_nothing_is_an_empty_object() -> None:
    assert clean_data(None) == {} == clean_data({})


@pytest.mark.parametrize("name", ["login", "a", "order_status_changed", "x9_", "x" * 64])
def test_good_names(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Login",
        "1login",
        "_x",
        "a-b",
        "a b",
        "login\n",
        "x" * 65,
        "é",
        "a\0",
        None,
        5,
        b"login",
        ["login"],
    ],
)
def test_bad_names(name: Any) -> None:
    with pytest.raises(InvalidEvent) as refused:
        clean_name(name)
    assert refused.value.field == "event"


class Nowhere(tzinfo):
    """A zone that does not know its offset: such a moment is naive, though it has a zone."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    ("moment", "is_good"),
    [
        (None, True),
        (NOW, True),
        (NOW + timedelta(hours=23), True),
        (NOW + timedelta(hours=25), False),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
        (datetime(1969, 12, 31, tzinfo=UTC), False),
        (datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=14))), False),
        (datetime.max.replace(tzinfo=UTC), False),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))), False),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=23))), False),
        (datetime(2026, 3, 2), False),
        (datetime(2026, 3, 2, tzinfo=Nowhere()), False),
        (date(2026, 3, 2), False),
        ("2026-03-02T00:00:00Z", False),
        (1_700_000_000, False),
    ],
)
def test_moments(moment: Any, is_good: bool) -> None:
    if is_good:
        assert clean_moment(moment, NOW) == (moment or NOW)
        return
    with pytest.raises(InvalidEvent) as refused:
        clean_moment(moment, NOW)
    assert refused.value.field == "occurred_at"


@pytest.mark.parametrize(("ref", "expected"), [("cart:17", "cart:17"), (None, ""), ("", ""), (17, "17"), ("a\0\ud800", "a\ufffd")])  # fmt: skip
def test_refs(ref: Any, expected: str) -> None:
    assert clean_ref(ref) == expected


@pytest.mark.parametrize("ref", ["x" * 101, "x" * 1_000_000])
def test_long_refs(ref: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        clean_ref(ref)
    assert refused.value.field == "object_ref"


surrogates = st.characters() | st.characters(categories=["Cs"]) | st.just("\0")
texts = st.text(surrogates, max_size=20)
numbers = st.integers() | st.floats() | st.decimals()
leaves = st.none() | st.booleans() | numbers | texts | st.datetimes() | st.uuids() | st.binary(max_size=3)
hostile = st.dictionaries(
    texts,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_size=6,
)


@given(hostile)
def test_cleaned_is_plain_finite_and_stays_so(data: dict[str, Any]) -> None:
    """Either refused by name, or JSON that every reader takes, that no second cleaning changes."""
    try:
        cleaned = clean_data(data)
    except InvalidEvent:
        return
    text = json.dumps(cleaned, allow_nan=False, ensure_ascii=False)
    assert "\0" not in text
    assert text.encode()
    assert json.loads(text) == cleaned
    assert clean_data(cleaned) == cleaned
