"""The suite's settings for a process whose letters go to a test's own SMTP server, two at a time."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import TRIGGERS

SERVER = {"host": "127.0.0.1", "port": int(os.environ.get("TRIGGERS_TEST_SMTP_PORT", "0")), "timeout": 10}
TRIGGERS |= {
    "EMAIL_ACCOUNTS": {
        "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": SERVER}
    },
    "SEND_CONCURRENCY": 2,
}
