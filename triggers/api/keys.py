"""Keys of the API: made once, shown once, compared by digest."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from triggers.api.errors import Refusal
from triggers.models import ApiKey

# `trg_`, eight letters by which the key is found, and a secret of 256 bits. Nothing that long can be guessed, so a plain
# digest keeps it; a slow one would only be slow.
FORM = re.compile(r"Bearer (?P<prefix>trg_[A-Za-z0-9]{8})_(?P<secret>[A-Za-z0-9_-]{43})\Z")
MOST_HEADER_CHARS = 200
USED_EVERY = timedelta(hours=1)
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


def make_key(**fields: Any) -> tuple[ApiKey, str]:
    """A new key, and the text that its owner gets to see this once."""
    prefix = "trg_" + "".join(secrets.choice(LETTERS) for _letter in range(8))
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(prefix=prefix, digest=_digest(secret), **fields)
    return key, f"{prefix}_{secret}"


def authenticate(request: HttpRequest) -> ApiKey:
    """The caller's key. Raises Refusal 401, in the same words and after the same work whatever is wrong with it."""
    given = request.headers.get("Authorization", "")[: MOST_HEADER_CHARS + 1]
    found = FORM.match(given)
    prefix, secret = (found["prefix"], found["secret"]) if found else ("", "")
    key = ApiKey.objects.filter(prefix=prefix).first()
    is_right = compare_digest(_digest(secret), key.digest if key else "0" * 64)
    if key is None or not is_right or key.revoked_at is not None:
        headers = {"WWW-Authenticate": 'Bearer realm="triggers"'}
        raise Refusal(401, "Authorization", "no key that is valid", headers)
    return key


def note_use(key: ApiKey) -> None:
    """Once an hour: an exact time would cost a write for each call."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
