from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from django.utils.safestring import SafeString, mark_safe
from hypothesis import given
from hypothesis import strategies as st

from triggers.content.language import compile_template
from triggers.content.plain import Group, Rows, freeze, step
from triggers.exceptions import RenderError


class Status(StrEnum):
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    price: Decimal
    quantity: int = 1

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


@dataclass
class Loose:
    name: str


class Callable:
    def __call__(self) -> str:
        return "called"


def test_plain_values_come_through_as_they_are() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    values = {
        "a": "x",
        "b": 1,
        "c": 1.5,
        "d": True,
        "e": Decimal("1.10"),
        "f": date(2026, 1, 1),
        "g": moment,
        "h": None,
    }
    assert freeze(values)._fields == values


def test_a_frozen_dataclass_becomes_its_fields_and_properties() -> None:
    item = freeze({"item": Item("Lamp", Decimal("2.50"), 2)})["item"]
    assert item._fields == {"name": "Lamp", "price": Decimal("2.50"), "quantity": 2, "total": Decimal("5.00")}


def test_lists_and_tuples_become_rows() -> None:
    rows = freeze({"rows": [1, (2, 3)]})["rows"]
    assert isinstance(rows, Rows)
    assert [rows[0], list(rows[1])] == [1, [2, 3]]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "contact.x"),
        (Callable(), "contact.x"),
        (print, "contact.x"),
        (Callable, "contact.x"),
        (Loose("x"), "contact.x"),
        ({1, 2}, "contact.x"),
        (b"bytes", "contact.x"),
        (iter([1]), "contact.x"),
        ([1, object()], "contact.x[1]"),
        ({"y": {"z": lambda: 1}}, "contact.x.y.z"),
        ({1: "a"}, "contact.x"),
        (10**100, "contact.x"),
        ("x" * 200_001, "contact.x"),
    ],
)
def test_anything_else_is_refused_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(RenderError) as error:
        freeze({"contact": {"x": value}})
    assert str(error.value).startswith(path)


def test_endless_and_exploding_data_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RenderError, match="nested deeper"):
        freeze({"x": endless})
    wide: list[Any] = [1] * 10
    for _ in range(9):
        wide = [wide] * 10
    with pytest.raises(RenderError, match="more than 50000 values"):
        freeze({"x": wide})


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x1b", "ab"),
        ("a\ud800b", "ab"),
        ("\u202eevil\u202c", "evil"),
        ("two\nlines\t", "two\nlines\t"),
        ("  \n", ""),
        (mark_safe("<b>"), "<b>"),
        (Status.NEW, "new"),
    ],
)
def test_text_is_cleaned(text: str, clean: str) -> None:
    result = freeze({"x": text})["x"]
    assert (result, type(result)) == (clean, str)
    assert not isinstance(result, SafeString)


def test_wrappers_have_no_public_attribute_and_cannot_be_changed() -> None:
    group = freeze({"x": {"a": 1}, "rows": [1]})
    for wrapper in (group, group["rows"]):
        assert [name for name in dir(wrapper) if not name.startswith("_")] == []
        with pytest.raises(TypeError):
            wrapper["a"] = 1  # type: ignore[index]
        with pytest.raises(AttributeError):
            setattr(wrapper, "extra", 1)  # noqa: B010 - a checker would refuse the plain form


def test_the_data_of_the_caller_is_neither_kept_nor_changed() -> None:
    data = {"rows": [1, 2]}
    frozen = freeze(data)
    data["rows"].append(3)
    assert len(frozen["rows"]) == 2
    assert freeze(frozen) is frozen


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ cart.items.0 }}", "key"),
        ("{{ cart.keys }}", "mine"),
        ("{% if cart.values %}x{% endif %}", ""),
        ("{% if cart.pop %}x{% endif %}{% if cart.clear %}y{% endif %}", ""),
        (
            "{% if text.upper %}x{% endif %}{% if number.to_bytes %}y{% endif %}{% if number.real %}z{% endif %}",
            "",
        ),
        ("{% if text.0 %}x{% endif %}{% if rows.9 %}y{% endif %}{% if rows.append %}z{% endif %}", ""),
    ],
)
def test_a_path_names_keys_and_positions_only(source: str, result: str) -> None:
    data = {"cart": {"items": ["key"], "keys": "mine"}, "text": "abc", "number": 5, "rows": [1]}
    assert compile_template(source, where="t").render(data) == result


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=15,
    )
)
def test_no_plain_data_is_refused_and_every_step_is_harmless(data: Any) -> None:
    try:
        frozen = freeze({"x": data})["x"]
    except RenderError as error:
        assert "too large" in str(error) or "nested deeper" in str(error)  # noqa: PT017 - the only two reasons
        return
    for name in ("__class__", "items", "append", "0", "-1", "x"):
        assert step(frozen, name) is None or isinstance(data, list | dict)
    assert not isinstance(frozen, list | dict)
    assert isinstance(frozen, Group) == isinstance(data, dict)
