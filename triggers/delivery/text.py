"""Texts out through the configured SMS provider."""

from __future__ import annotations

from django.utils.module_loading import import_string

from triggers.conf import settings
from triggers.delivery.outcome import Outcome, error_text
from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage


def send_text(message: SMSMessage, provider: str = "default") -> Outcome:
    """One provider call. Never raises: a backend that breaks its contract leaves the message `unknown`."""
    try:
        backend = make_provider(provider)
    except Exception as error:
        # A mistyped option, a missing module: nobody was asked to send anything.
        return Outcome("not_sent", detail=error_text(error))
    try:
        result = backend.send_messages([message])[0]
    except Exception as error:
        return Outcome("unknown", detail=type(error).__name__)
    return Outcome(result.status, result.provider_id, result.detail, result.retry_after)


def make_provider(alias: str) -> BaseSMSBackend:
    """A new backend for an alias of SMS_PROVIDERS."""
    given = settings.SMS_PROVIDERS[alias]
    backend: BaseSMSBackend = import_string(given["BACKEND"])(**given.get("OPTIONS", {}))
    return backend
