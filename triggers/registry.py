"""One registry for everything that plugs in by key: step kinds, conditions, entry kinds, event sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from triggers.exceptions import KindError, UnknownKind

Kind = TypeVar("Kind")
KEY = re.compile(r"[a-z][a-z0-9_]{0,49}\Z")


class Registry(Generic[Kind]):
    """Kinds of one family, one shared instance per class, in the order in which they were registered."""

    def __init__(self, family: str, base: type[Kind]) -> None:
        self.family, self.base = family, base
        self._kinds: dict[str, Kind] = {}

    def register(self, cls: type[Kind]) -> type[Kind]:
        """Class decorator. Raises KindError for a wrong base, a malformed key, or a key that is taken."""
        self._add(cls)
        return cls

    @contextmanager
    def registered(self, cls: type[Kind]) -> Iterator[Kind]:
        """Register for the length of a `with` block, for tests."""
        key = self._add(cls)
        try:
            yield self._kinds[key]
        finally:
            del self._kinds[key]

    def get(self, key: str) -> Kind:
        """The kind saved as `key`. Raises UnknownKind when its app is not installed."""
        try:
            return self._kinds[key]
        except KeyError:
            raise UnknownKind(self.family, key) from None

    def __contains__(self, key: object) -> bool:
        return key in self._kinds

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def _add(self, cls: type[Kind]) -> str:
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            raise KindError(f"{cls!r} is not a {self.base.__name__} class")
        name = f"{cls.__module__}.{cls.__qualname__}"
        key = getattr(cls, "key", "")
        if not isinstance(key, str) or not KEY.match(key):
            raise KindError(f"{name}: key {key!r} must be snake_case, at most 50 characters")
        if key in self._kinds:
            other = type(self._kinds[key])
            raise KindError(
                f"{self.family} kind {key!r} of {name} is taken by {other.__module__}.{other.__qualname__}"
            )
        self._kinds[key] = cls()
        return key
