"""Signing up, and which messages a customer wants."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from demo_shop.models import Profile
from triggers import consent
from triggers.contacts import sync_contact
from triggers.models import Consent

# Written on every page of the demo: it guards made-up customers on a machine nobody else reaches.
ADMIN_NAME = "admin"
ADMIN_PASSWORD = "lamp-and-light"  # noqa: S105

# The label of each checkbox is the text that is agreed to, so both are this one.
CONSENT_TEXT = _("Send me news and reminders by e-mail. I can unsubscribe at any time.")
SMS_CONSENT_TEXT = _("Send me reminders by SMS. I can change this in my account at any time.")


def create_customer(details: dict[str, Any], *, language: str) -> User:
    """A user with profile and, if given, consent. `details` are the cleaned fields of the sign-up form."""
    with transaction.atomic():
        user = User.objects.create_user(
            username=details["email"],
            email=details["email"],
            password=details["password"],
            first_name=details["first_name"],
            last_name=details["last_name"],
        )
        Profile.objects.create(user=user, phone=details["phone"], language=language)
        # The contact is as old as the user, and knows nothing of the profile yet.
        sync_contact(user)
        if details["wants_news"]:
            consent.grant(user, "email", source="sign-up form", text=str(CONSENT_TEXT))
        if details["wants_texts"]:
            consent.grant(user, "sms", source="sign-up form", text=str(SMS_CONSENT_TEXT))
    return user


def messages_of(user: User) -> dict[str, Any]:
    """What the customer has chosen, as the fields of the form on the account page."""
    granted = Consent.objects.filter(contact__external_id=str(user.pk), is_granted=True)
    channels = set(granted.values_list("channel", flat=True))
    profile = Profile.objects.filter(user=user).first()
    return {
        "phone": profile.phone if profile else "",
        "wants_news": "email" in channels,
        "wants_texts": "sms" in channels,
    }


def choose_messages(user: User, wanted: dict[str, Any]) -> None:
    """Write down what is different from now. `wanted` has the same fields as `messages_of`."""
    with transaction.atomic():
        known = messages_of(user)
        Profile.objects.update_or_create(user=user, defaults={"phone": wanted["phone"]})
        sync_contact(user)
        is_new_number = wanted["phone"] != known["phone"]
        _choose(user, "email", known["wants_news"], wanted["wants_news"], CONSENT_TEXT)
        # Who agrees to texts agrees for this number: one that has unsubscribed before gets them again.
        _choose(
            user, "sms", known["wants_texts"], wanted["wants_texts"], SMS_CONSENT_TEXT, anew=is_new_number
        )


def _choose(
    user: User, channel: str, was_given: bool, is_given: bool, text: Any, *, anew: bool = False
) -> None:
    """Say what has changed. Who never agreed and still does not has withdrawn nothing."""
    if is_given and (anew or not was_given):
        consent.grant(user, channel, source="account page", text=str(text))
    if was_given and not is_given:
        consent.withdraw(user, channel, source="account page")
