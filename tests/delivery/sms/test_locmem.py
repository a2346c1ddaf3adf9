from __future__ import annotations

from tests.delivery.sms.provider_cases import ProviderCases
from triggers.delivery.sms.locmem import LocmemBackend


class TestLocmem(ProviderCases):
    def backend(self) -> LocmemBackend:
        return LocmemBackend()
