"""What a letter may see: plain values, frozen before the first tag is read.

`freeze()` copies a context once per message. Dictionaries become `Group`, lists become `Rows`; neither has a public attribute, so a path in a
template can name a key or a position and nothing else, and `cart.items` means the key. Everything that is not plain data is an error that
names its path, whether the letter uses it or not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from math import inf
from typing import Any

from django.utils.translation import gettext as _

from triggers.content.deadline import check
from triggers.exceptions import RenderError

# Levels of lists and dictionaries, and values in all, that one context may hold; both are far above what a shop sends.
MAX_LEVELS = 12
MAX_VALUES = 50_000
MAX_TEXT_CHARS = 200_000
MAX_INTEGER_BITS = 256

# Not text for any reader: C0 but tab and line ends, DEL, lone surrogates, and the controls that turn the direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class Group:
    """A read-only dictionary with text keys; `group["key"]` is the only way in."""

    __slots__ = ("_fields", "_size")

    def __init__(self, fields: dict[str, Any], size: int = 0) -> None:
        self._fields = fields
        self._size = size or len(fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Group({', '.join(self._fields)})"


class Rows:
    """A read-only list."""

    __slots__ = ("_rows", "_size")

    def __init__(self, rows: tuple[Any, ...], size: int = 0) -> None:
        self._rows = rows
        self._size = size or len(rows)

    def __getitem__(self, index: int) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __contains__(self, value: object) -> bool:
        return value in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Rows({len(self._rows)})"


def freeze(context: Mapping[str, Any] | Group, ends_at: float = inf) -> Group:
    """The context as read-only plain data; a context that is frozen already comes back as it is.

    `ends_at` is a deadline: properties and lazy containers are the shop's own code.

    Taken: str, int, float, bool, Decimal, date, datetime, time, None, dict with text keys, list and tuple, and frozen dataclasses (their
    fields and public properties). Blank text becomes empty text, unprintable characters are dropped.
    Raises RenderError naming the path of anything else.
    """
    if isinstance(context, Group):
        return context
    return _Freezing(ends_at).group(context, "", 0)


def step(value: Any, name: str) -> Any:
    """What `name` means inside `value`: a key of a group, a position of a list, None when there is no such thing."""
    if type(value) is Group:
        return value._fields.get(name)
    if type(value) is Rows and name.isdecimal() and len(name) < 6:
        index = int(name)
        return value._rows[index] if index < len(value._rows) else None
    return None


def size_of(value: Any) -> int:
    """How much there is to look at when the value is compared or filtered: characters, or values at any depth."""
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is Rows or kind is Group:
        size: int = value._size
        return size
    return 1


def clean_text(text: str) -> str:
    """Exactly a str (a SafeString loses its mark), without unprintable characters; blank text is empty."""
    text = str.__str__(text)
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(_("it is longer than %(limit)d characters") % {"limit": MAX_TEXT_CHARS})
    if not text.isprintable():
        text = _UNPRINTABLE.sub("", text)
    return "" if text.isspace() else text


class _Freezing:
    """One pass over one context; counts the values so that shared or endless data cannot blow up."""

    __slots__ = ("ends_at", "seen")

    def __init__(self, ends_at: float) -> None:
        self.ends_at, self.seen = ends_at, 0

    def value(self, value: Any, path: str, level: int) -> Any:
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise RenderError(
                _("the data of this message holds more than %(limit)d values") % {"limit": MAX_VALUES}
            )
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            try:
                return scalar(value)
            except ValueError as error:
                raise RenderError(f"{path}: {error}") from None
        if value is None:
            return None
        return self.container(value, path, level + 1)

    def container(self, value: Any, path: str, level: int) -> Any:
        if level > MAX_LEVELS:
            raise RenderError(
                _("%(path)s: data is nested deeper than %(limit)d levels")
                % {"path": path, "limit": MAX_LEVELS}
            )
        if isinstance(value, (Group, Rows)):
            return value
        if isinstance(value, Mapping):
            return self.group(value, path, level)
        if isinstance(value, (list, tuple)):
            return self.rows(value, path, level)
        if _is_record(value):
            kind: type = type(value)
            return self.group({name: getattr(value, name) for name in _record_fields(kind)}, path, level)
        for base in (str, int, float):
            if isinstance(value, base):
                return _SCALARS[base](value)
        raise RenderError(
            _("%(path)s is not plain data but a %(kind)s; letters take no objects")
            % {"path": path, "kind": type(value).__qualname__}
        )

    def group(self, value: Mapping[Any, Any], path: str, level: int) -> Group:
        prefix = f"{path}." if path else ""
        start = self.seen
        fields = {}
        for name, inner in value.items():
            if not isinstance(name, str):
                raise RenderError(
                    _("%(path)s has a key that is not text: %(key).50r") % {"path": path, "key": name}
                )
            fields[name] = self.value(inner, prefix + name, level)
        check(self.ends_at)
        return Group(fields, self.seen - start)

    def rows(self, value: list[Any] | tuple[Any, ...], path: str, level: int) -> Rows:
        start = self.seen
        frozen = tuple([self.value(row, f"{path}[{at}]", level) for at, row in enumerate(value)])
        check(self.ends_at)
        return Rows(frozen, self.seen - start)


def _bounded_integer(value: int) -> int:
    if value.bit_length() > MAX_INTEGER_BITS:
        raise ValueError(_("the number is too large"))
    return int(value)


def _same(value: Any) -> Any:
    return value


_SCALARS: dict[type, Callable[[Any], Any]] = {
    str: clean_text,
    int: _bounded_integer,
    float: float,
    bool: _same,
    Decimal: _same,
    date: _same,
    datetime: _same,
    time: _same,
}


def _is_record(value: Any) -> bool:
    """A frozen dataclass, such as the shop adapter's Item and Cart; a model is none."""
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


@cache
def _record_fields(kind: type) -> tuple[str, ...]:
    names = dict.fromkeys(field.name for field in dataclasses.fields(kind))
    for base in reversed(kind.__mro__):
        names.update(
            dict.fromkeys(name for name, member in vars(base).items() if isinstance(member, property))
        )
    return tuple(name for name in names if not name.startswith("_"))
