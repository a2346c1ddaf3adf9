"""Django's own users: `sign_up` when one is created, `login` when one logs in."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_save

from triggers.capturing import capture
from triggers.contacts import sync_contact
from triggers.identity import identify
from triggers.logs import note

logger = logging.getLogger(__name__)


def connect() -> None:
    post_save.connect(_saved, sender=get_user_model(), dispatch_uid="triggers.sign_up")
    user_logged_in.connect(_logged_in, dispatch_uid="triggers.login")


def _saved(instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw and not getattr(instance, "is_staff", False):
        capture("sign_up", contact=instance)


def _logged_in(user: Any, request: Any = None, **kwargs: Any) -> None:
    """Customers only: staff logging in to the admin is not a shop action. What the browser did before comes first."""
    if getattr(user, "is_staff", False):
        return
    sync(user)
    if request is not None:
        identify(request, user)
    capture("login", contact=user)


def sync(user: Any) -> None:
    """Bring the contact up to date; a login or a registration must not fail because of it."""
    try:
        with transaction.atomic():
            sync_contact(user)
    except Exception as error:
        note(logger, logging.ERROR, "contact.not_updated", user=user.pk, error=error)
