"""Answers of SMTP servers and HTTP APIs, read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from triggers.delivery.outcome import Cause, Outcome

# RFC 4954: wants a login, a stronger one, a right one, an encrypted one.
ACCOUNT_CODES = (530, 534, 535, 538)
# The server closes: too many connections, or it is going down.
CLOSING = 421
# Not about the sender even where the sender is named: the letter is too large.
TOO_LARGE = 552

ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Second figure (RFC 3463): the address, the state of its mailbox. The next letter to the same domain may be welcome.
ABOUT_MAILBOX = {"1", "2"}
NO_SUCH_ADDRESS = {"5.1.1", "5.1.10"}
# SPF, DKIM, DMARC, reverse DNS, TLS or reputation of our domain: RFC 7372 and Gmail's list (x.7.20 to x.7.32,
# https://support.google.com/a/answer/3726730), Outlook's 5.7.515; read 2026-11-23.
POLICY_DETAILS = {*range(20, 33), 515}
# Amazon's SMTP endpoint says so with a 454.
THROTTLING = re.compile(r"\bthrottl", re.IGNORECASE)


def by_reply(code: int, text: bytes | str, detail: str, *, is_about_sender: bool = False) -> Outcome | None:
    """What an SMTP reply to one of a letter's commands means; None for one that is no answer at all.

    RFC 5321: 4yz is transient, 5yz is permanent; both mean that the server did not take the letter. What it says about
    our login, our domain or its own state says nothing about this letter: the next one would be refused just as well.
    """
    if not 400 <= code < 600:
        return None
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    cause = _cause(code, words, is_about_sender)
    if code >= 500 and cause in (Cause.MESSAGE, Cause.NO_SUCH_ADDRESS):
        return Outcome("refused", detail=detail, cause=cause)
    return Outcome("not_sent", detail=detail, cause=cause)


def _cause(code: int, words: str, is_about_sender: bool) -> Cause:
    found = ENHANCED.search(words)
    status = found.group() if found else ""
    if found and found[2] == "7" and int(found[3]) in POLICY_DETAILS:
        return Cause.POLICY
    if code < 500 and THROTTLING.search(words):
        return Cause.THROTTLED
    if code == CLOSING:
        return Cause.PROVIDER
    if code in ACCOUNT_CODES or (is_about_sender and code >= 500 and code != TOO_LARGE):
        return Cause.ACCOUNT
    is_about_mailbox = found is not None and found[2] in ABOUT_MAILBOX
    if code < 500 and not is_about_sender and not is_about_mailbox:
        return Cause.DEFERRED
    return Cause.NO_SUCH_ADDRESS if code >= 500 and status in NO_SUCH_ADDRESS else Cause.MESSAGE


def retry_after(response: Any) -> float | None:
    """Seconds of a Retry-After header, in both of its forms (RFC 9110, section 10.2.3).

    A date is measured from the answer's own Date where it has one, so that our clock does not matter.
    """
    headers = getattr(response, "headers", None) or {}
    value = str(headers.get("Retry-After", "")).strip()
    if value.isascii() and value.isdecimal():
        # More digits than a float has would be an error.
        return float(value[:12])
    until = _moment(value)
    return (until - (_moment(headers.get("Date")) or datetime.now(UTC))).total_seconds() if until else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(value))
    except (ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
