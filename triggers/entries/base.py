"""What an entry kind is: a way in which a chain starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from triggers.core.kinds import Admission
from triggers.core.values import EventValue, Reason, Value
from triggers.exceptions import InvalidConfig
from triggers.forms import KindForm
from triggers.registry import Registry


class Entry:
    """Base of all entry kinds: one subclass, one file."""

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
            raise InvalidConfig(str(error)) from None

    def event_names(self, config: Any) -> Iterable[str]:
        """Names of the events that can start the chain; the matcher shows it no others."""
        raise NotImplementedError

    def admit(self, config: Any, event: EventValue, wait_scale: float) -> Admission | None:
        """Whether this event lets its contact in, and under which entry key."""
        raise NotImplementedError

    def looks_back(self, config: Any) -> float:
        """Days for which events must be kept so that it can say who enters."""
        return 0.0

    def describe(self, config: Any) -> Reason:
        """The trigger in one sentence."""
        raise NotImplementedError


entries: Registry[Entry] = Registry("entry", Entry)
