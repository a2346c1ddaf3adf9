"""Anymail's Amazon SES backend that asks once and in time.

botocore tries a request again by itself, also when the answer to the first got lost: the second copy that we avoid.
Source: https://docs.aws.amazon.com/boto3/latest/guide/retries.html, read 2026-11-28.
"""

from __future__ import annotations

from typing import Any

from anymail.backends import amazon_ses
from botocore.config import Config

from triggers.conf import settings

# The names under which an account may say how often a request is made.
SAID = {"max_attempts", "total_max_attempts"}


class EmailBackend(amazon_ses.EmailBackend):  # type: ignore[misc]
    """What the account's own `config` says about retries and timeouts goes before ours."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = self.client_params["config"]
        ours = Config(connect_timeout=settings.SEND_TIMEOUT, read_timeout=settings.SEND_TIMEOUT)
        retries = dict(given.retries or {})
        if not SAID & retries.keys():
            retries["total_max_attempts"] = 1
        self.client_params["config"] = ours.merge(given).merge(Config(retries=retries))
