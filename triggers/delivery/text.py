"""Texts out through the configured SMS provider."""

from __future__ import annotations

from django.utils.module_loading import import_string

from triggers.accounts import DEFAULT, accounts
from triggers.delivery.errors import in_doubt, not_sent
from triggers.delivery.outcome import Cause, Outcome, detail_text, storable
from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage, SMSResult


def send_text(message: SMSMessage, provider: str = DEFAULT) -> Outcome:
    """One provider call. Never raises: a backend that breaks its contract leaves the message `unknown`."""
    try:
        backend = make_provider(provider)
    except Exception as error:
        # A mistyped option, a missing module: nobody was asked to send anything.
        return not_sent(error)
    try:
        return _outcome(backend.send_messages([message])[0])
    except Exception as error:
        return in_doubt(error)


def _outcome(result: SMSResult) -> Outcome:
    provider_id, detail = storable(result.provider_id), detail_text(result.detail)
    return Outcome(result.status, provider_id, detail, result.retry_after, _cause(result))


def _cause(result: SMSResult) -> Cause:
    if result.status == "not_sent" and result.retry_after is not None:
        return Cause.THROTTLED
    return Cause.PROVIDER if result.is_provider_fault or result.status == "unknown" else Cause.MESSAGE


def make_provider(alias: str) -> BaseSMSBackend:
    """A new backend for an alias of SMS_PROVIDERS."""
    if alias not in accounts("sms"):
        raise LookupError(f"SMS_PROVIDERS has no provider {alias!r}")
    given = accounts("sms")[alias]
    backend: BaseSMSBackend = import_string(given["BACKEND"])(**given.get("OPTIONS", {}))
    return backend
