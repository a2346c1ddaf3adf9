from __future__ import annotations

import pytest

from tests.delivery.sms.provider_cases import ProviderCases
from triggers.delivery.sms import SMSMessage
from triggers.delivery.sms.console import ConsoleBackend


class TestConsole(ProviderCases):
    def backend(self) -> ConsoleBackend:
        return ConsoleBackend()


def test_it_shows_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleBackend().send_messages([SMSMessage("1", "+12025550100", "Your cart waits.")])
    assert "+12025550100\nYour cart waits." in capsys.readouterr().out
