"""Nothing starts the chain: contacts are put into it, by hand or by the shop's code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.kinds import Admission
from triggers.core.values import EventValue, Reason
from triggers.entries.base import entries
from triggers.entries.fanned import FannedEntry, Occasion, Slot
from triggers.forms import KindForm
from triggers.steps.base import NoConfig

# The event of whoever is put into a chain, whatever the chain's own trigger is; its data name the chain.
PUT_INTO_CHAIN = "put_into_chain"


def admit_by_name(event: EventValue, chain_key: str) -> Admission | None:
    """A PUT_INTO_CHAIN event lets its contact into the chain that it names: once with each `key`, or each time."""
    if event.data.get("chain") != chain_key:
        return None
    key = event.data.get("key")
    return Admission(f"manual:{key}" if key else event.uid)


@entries.register
class ManualEntry(FannedEntry):
    """A whole segment is put in by a fan-out; the chain may be one of any kind."""

    key = "manual"
    label = _("By hand, or from the shop's code")
    Config = NoConfig
    form_class = KindForm

    def event_name(self, config: NoConfig) -> str:
        return PUT_INTO_CHAIN

    def event_names(self, config: NoConfig) -> tuple[str, ...]:
        return ()

    def event_data(self, occasion: Occasion, slot: Slot, mark: Any) -> dict[str, Any]:
        return dict(occasion.data)

    def admit(self, config: NoConfig, event: EventValue, wait_scale: float) -> None:
        return None

    def describe(self, config: NoConfig) -> Reason:
        return Reason(gettext_noop("When somebody puts a contact into it"))
