"""Addresses that get nothing more: known as they are, or, once their owner was erased, by a keyed hash.

The hash is made with SECRET_KEY, so whoever gets hold of the table alone cannot try addresses on it. It is looked for under
SECRET_KEY_FALLBACKS as well: with a key that is in neither, nothing made with it is found any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.crypto import salted_hmac

from triggers.models import Suppression, SuppressionReason
from triggers.statements import Statement

# No address begins so: a phone number begins with +, an e-mail address has an @ and no colon before it.
HASHED = "hash:"
# These keep marketing away, and a new consent lifts them; the others are about the address itself.
OF_THE_PERSON = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.ERASED)

_SUPPRESSIONS = Statement(Suppression.objects.values_list("channel", "address", "reason"), by="address")


def find_suppressions(addresses: Iterable[str]) -> dict[tuple[str, str], str]:
    """Why canonical addresses are suppressed, by channel and address; of two reasons the stricter. One statement."""
    by_spelling = {spelling: address for address in addresses for spelling in spellings(address)}
    found: dict[tuple[str, str], str] = {}
    for channel, address, reason in _SUPPRESSIONS.read(by_spelling):
        key = channel, by_spelling[address]
        if key not in found or found[key] in OF_THE_PERSON:
            found[key] = reason
    return found


def suppress(channel: str, address: str, reason: SuppressionReason, note: str = "") -> None:
    """Send nothing more to a canonical address. One that is suppressed already stays as it is, but a reason that is about
    the address counts more than what its owner said.

    An address that is known by its hash is not written down again.
    """
    known = Suppression.objects.filter(channel=channel, address__in=spellings(address))
    if not known.filter(address__in=_hashes(address)).exists():
        Suppression.objects.get_or_create(
            channel=channel, address=address, defaults={"reason": reason, "note": note}
        )
    if reason not in OF_THE_PERSON:
        known.filter(reason__in=OF_THE_PERSON).update(reason=reason, note=note)


def lift(channel: str, address: str) -> None:
    """The owner of a canonical address agreed anew: what he once said no longer stands against it."""
    Suppression.objects.filter(
        channel=channel, address__in=spellings(address), reason__in=OF_THE_PERSON
    ).delete()


def forget_address(channel: str, address: str) -> None:
    """Keep of a canonical address no more than it takes to know it again: why it got nothing, or that it was erased."""
    known = Suppression.objects.filter(channel=channel, address__in=spellings(address))
    reasons = [reason for reason in known.values_list("reason", flat=True) if reason not in OF_THE_PERSON]
    known.delete()
    reason = reasons[0] if reasons else SuppressionReason.ERASED
    Suppression.objects.create(channel=channel, address=_hashes(address)[0], reason=reason)


def spellings(address: str) -> list[str]:
    """How a suppression may name a canonical address."""
    return [address, *_hashes(address)]


def _hashes(address: str) -> list[str]:
    """The hash under the present key first."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        HASHED + salted_hmac("triggers.suppressions", address, key, algorithm="sha256").hexdigest()
        for key in keys
    ]
