"""How many calls a sender makes at a time: what is given counts, else what a killed sender would leave in doubt."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from triggers.delivery.concurrency import concurrency_of

SMTP = {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
# It knows a message again by its key.
BREVO = {"BACKEND": "anymail.backends.brevo.EmailBackend"}
POSTMARK = {"BACKEND": "anymail.backends.postmark.EmailBackend"}


@pytest.mark.parametrize(
    ("account", "given", "calls"),
    [
        (SMTP, {}, 10),
        (POSTMARK, {}, 10),
        (BREVO, {}, 32),
        (BREVO, {"SEND_CONCURRENCY": 5}, 5),
        (BREVO | {"CONCURRENCY": 4}, {"SEND_CONCURRENCY": 5}, 4),
    ],
)
def test_calls_at_a_time(account: dict[str, Any], given: dict[str, Any], calls: int) -> None:
    with override_settings(TRIGGERS={"EMAIL_ACCOUNTS": {"default": account}, **given}):
        assert concurrency_of("email.marketing") == calls
        assert concurrency_of("email.marketing.gone") == given.get("SEND_CONCURRENCY", 10)
