"""What a condition is: a question about one journey's contact that is answered yes or no, from facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from triggers.core.criteria import Criterion
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.exceptions import InvalidConfig, NotInSegments
from triggers.forms import KindForm
from triggers.registry import Registry


class Verdict(Value, frozen=True):
    """The answer, and the value that was seen (shown to whoever asks why)."""

    holds: bool
    seen: Any = None


class Condition:
    """Base of all conditions: one subclass, one file."""

    key: ClassVar[str]
    label: ClassVar[Any]
    # Typed settings; unknown or ill-typed keys are refused by name.
    Config: ClassVar[type[Value]]
    form_class: ClassVar[type[KindForm]]

    def parse(self, raw: Mapping[str, Any]) -> Any:
        """Typed settings from stored JSON. Raises InvalidConfig naming the setting."""
        try:
            return msgspec.convert(raw, self.Config)
        except msgspec.ValidationError as error:
            raise InvalidConfig(f"{self.key}: {error}") from None

    def needs(self, config: Any) -> Iterable[Fact]:
        """The facts that `evaluate` will ask for."""
        raise NotImplementedError

    def evaluate(self, config: Any, view: View) -> Verdict:
        """The answer. No input or output here: everything comes from `view`."""
        raise NotImplementedError

    def describe(self, config: Any) -> Reason:
        """The question in words, as on a card."""
        raise NotImplementedError

    def criterion(self, config: Any) -> Criterion:
        """The same question as it can be asked of all contacts at once. Raises NotInSegments, or ValueError.

        A kind that does not override this is offered in chains only.
        """
        raise NotInSegments(f"{self.key}: cannot be asked of all contacts, only on a journey")

    @classmethod
    def is_for_segments(cls) -> bool:
        return cls.criterion is not Condition.criterion


conditions: Registry[Condition] = Registry("condition", Condition)


class BoundCondition(Value, frozen=True, dict=True, gc=True):
    """A condition with its settings."""

    kind: Condition
    config: Any

    def needs(self) -> Iterable[Fact]:
        return self.kind.needs(self.config)

    def evaluate(self, view: View) -> Verdict:
        return self.kind.evaluate(self.config, view)

    def describe(self) -> Reason:
        return self.kind.describe(self.config)

    def criterion(self) -> Criterion:
        """Raises InvalidConfig when it cannot be asked of all contacts."""
        try:
            return self.kind.criterion(self.config)
        except ValueError as error:
            raise InvalidConfig(f"{self.kind.key}: {error}") from None

    @cached_property
    def question(self) -> dict[str, Any]:
        """Its description as a value inside another reason: put together once, it goes into every answer."""
        return nested(self.describe())


def bind(raw: Any) -> BoundCondition:
    """The condition stored as `{"kind": …, **settings}`. Raises UnknownKind or InvalidConfig."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("kind"), str):
        raise InvalidConfig("a condition is an object with a kind")
    kind = conditions.get(raw["kind"])
    return BoundCondition(kind, kind.parse({name: value for name, value in raw.items() if name != "kind"}))


def plain(seen: Any) -> Any:
    """What was seen as JSON can hold it."""
    if seen is None or isinstance(seen, str | int | float | bool | list):
        return seen
    return str(seen)


def nested(reason: Reason) -> dict[str, Any]:
    """A reason as a value inside another reason."""
    return {"text": reason.text, "data": reason.data}
