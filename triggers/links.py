"""Addresses of our public pages as they stand in letters. Built from a setting, never from a request's Host."""

from __future__ import annotations

from uuid import UUID

from django.core import signing
from django.urls import reverse

from triggers.conf import settings

# One salt per purpose: a token made for one page opens no other.
UNSUBSCRIBE = signing.Signer(salt="triggers.unsubscribe", sep=".")


def unsubscribe_url(message_uid: UUID) -> str:
    """The page, and RFC 8058 one-click address, that ends the topic of this message."""
    token = UNSUBSCRIBE.sign(message_uid.hex)
    return settings.BASE_URL.rstrip("/") + reverse("triggers:unsubscribe", args=[token])


def read_unsubscribe_token(token: str) -> UUID | None:
    """The message's uid, or None for a token that we did not make."""
    try:
        return UUID(UNSUBSCRIBE.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
