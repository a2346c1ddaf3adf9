"""Consents and refusals as the contact gives them; each is also an event, so chains can answer."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from triggers.capturing import record_event
from triggers.contacts import contact_for, lock_contact
from triggers.crashpoints import crash_point
from triggers.models import Channel, Consent, Contact, OptOut, SuppressionReason, Topic
from triggers.suppressions import lift, suppress


def grant(contact: Any, channel: str, *, source: str, text: str, lifts: bool = True) -> None:
    """The contact agrees to marketing messages on a channel ("email" or "sms"), to this very text.

    Lifts the contact's own unsubscription from everything, and what was kept of an erased owner of the address, unless it is
    somebody else who says so (`lifts` is false): that changes no word of the contact's own, be it no or the same yes.
    Bounces and complaints stay suppressed.
    """
    with transaction.atomic():
        found = lock_contact(_known(contact))
        if (
            not lifts
            and found.consents.filter(channel=channel).filter(~Q(is_granted=True) | Q(text=text)).exists()
        ):
            return
        _say(found, channel, True, source, text)
        if lifts:
            lift(channel, address_key(found, channel))
        record_event("consent_granted", contact=found, data={"channel": channel, "source": source})
        crash_point("grant.before_commit")
    crash_point("grant.after_commit")


def withdraw(contact: Any, channel: str, *, source: str) -> None:
    """The contact wants no more marketing messages on this channel, and its address gets none.

    Saying it again changes nothing: the first time is the one that counts.
    """
    with transaction.atomic():
        found = lock_contact(_known(contact))
        is_new = not found.consents.filter(channel=channel, is_granted=False).exists()
        if is_new:
            _say(found, channel, False, source, "")
            record_event("consent_withdrawn", contact=found, data={"channel": channel, "source": source})
        address = address_key(found, channel)
        if address:
            suppress(channel, address, SuppressionReason.UNSUBSCRIBED, source[:100])
        crash_point("withdraw.before_commit")
    crash_point("withdraw.after_commit")


def opt_out(contact: Any, topic: Topic, *, source: str) -> None:
    """The contact wants no more of one topic. Doing it again changes nothing."""
    with transaction.atomic():
        found = lock_contact(_known(contact))
        _row, is_new = OptOut.objects.get_or_create(
            contact=found, topic=topic, defaults={"said_at": timezone.now(), "source": source[:100]}
        )
        if is_new:
            record_event("unsubscribed", contact=found, data={"topic": topic.key, "source": source})
        crash_point("opt_out.before_commit")
    crash_point("opt_out.after_commit")


def opt_in(contact: Any, topic: Topic) -> None:
    """The contact wants a topic again."""
    known = _known(contact)
    OptOut.objects.filter(Q(contact=known) | Q(contact__merged=known), topic=topic).delete()


def address_key(contact: Contact, channel: str) -> str:
    """The contact's canonical address on a channel, or ""."""
    return (contact.email_key if channel == Channel.EMAIL else contact.phone) or ""


def _say(contact: Contact, channel: str, is_granted: bool, source: str, text: str) -> None:
    Consent.objects.update_or_create(
        contact=contact,
        channel=Channel(channel),
        defaults={"is_granted": is_granted, "said_at": timezone.now(), "source": source[:100], "text": text},
    )


def _known(who: Any) -> Contact:
    contact = contact_for(who)
    if contact is None:
        raise TypeError("consent needs a contact, a user or an e-mail address")
    return contact
