"""What a step kind is: one card of a chain, with its settings and its pure decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from triggers.core.kinds import View
from triggers.core.values import Fact, Outcome, Reason, Value
from triggers.exceptions import InvalidConfig
from triggers.forms import KindForm
from triggers.registry import Registry


class NoConfig(Value, frozen=True, forbid_unknown_fields=True):
    """Settings of a kind that has none."""


class Step:
    """Base of all step kinds: one subclass, one file.

    Mandatory: `key`, `label`, `Config`, `form_class`, `decide`, `describe`. The rest has the defaults below.
    """

    key: ClassVar[str]
    label: ClassVar[Any]
    # One character shown on the card.
    icon: ClassVar[str] = "•"
    # Typed settings; unknown or ill-typed keys are refused by name.
    Config: ClassVar[type[Value]] = NoConfig
    form_class: ClassVar[type[KindForm]] = KindForm
    # Names and labels of the branches a step of this kind has, in order.
    branches: ClassVar[tuple[tuple[str, Any], ...]] = ()
    # A journey may stand still here; facts beyond are not loaded ahead.
    waits: ClassVar[bool] = False
    # Channel of the message this kind sends, if it sends one.
    sends: ClassVar[str] = ""

    def parse(self, raw: Mapping[str, Any]) -> Any:
        """Typed settings from stored JSON. Raises InvalidConfig naming the setting."""
        try:
            return msgspec.convert(raw, self.Config)
        except msgspec.ValidationError as error:
            raise InvalidConfig(str(error)) from None

    def needs(self, config: Any) -> Iterable[Fact]:
        """The facts that `decide` will ask for."""
        return ()

    def decide(self, config: Any, view: View) -> Outcome:
        """What happens at this step now. Pure: everything it may know is in `view`."""
        raise NotImplementedError

    def describe(self, config: Any) -> Reason:
        """One sentence for the card."""
        raise NotImplementedError

    def problems(self, config: Any, step_keys: set[str], templates: Mapping[str, str]) -> Iterable[str]:
        """What keeps this step from running, in the reader's language.

        `step_keys` are the chain's steps; `templates` maps existing template keys to their channel.
        """
        return ()


steps: Registry[Step] = Registry("step", Step)
