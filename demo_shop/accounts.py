"""Signing up."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from demo_shop.models import Profile
from triggers import consent

# Written on every page of the demo: it guards made-up customers on a machine nobody else reaches.
ADMIN_NAME = "admin"
ADMIN_PASSWORD = "lamp-and-light"  # noqa: S105

# The label of the checkbox is the text that is agreed to, so both are this one.
CONSENT_TEXT = _("Send me news and reminders by e-mail. I can unsubscribe at any time.")


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
        if details["wants_news"]:
            consent.grant(user, "email", source="sign-up form", text=str(CONSENT_TEXT))
    return user
