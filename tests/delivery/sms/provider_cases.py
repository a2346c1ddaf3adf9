"""What every SMS backend must do; one subclass per provider."""

from __future__ import annotations

import pytest

from triggers.delivery.sms import BaseSMSBackend, SMSMessage


class ProviderCases:
    """Subclass as `Test…` and make `backend`."""

    def backend(self) -> BaseSMSBackend:
        raise NotImplementedError

    def test_each_message_has_its_result_in_order(self) -> None:
        messages = [SMSMessage(uid=str(number), to="+12025550100", body="Привет") for number in range(3)]
        results = self.backend().send_messages(messages)
        assert [result.uid for result in results] == ["0", "1", "2"]
        assert {result.status for result in results} == {"accepted"}

    def test_nothing_to_send_is_nothing_sent(self) -> None:
        assert self.backend().send_messages([]) == []

    def test_an_option_it_does_not_know_is_named(self) -> None:
        with pytest.raises(TypeError, match="colour"):
            type(self.backend())(colour="red")
