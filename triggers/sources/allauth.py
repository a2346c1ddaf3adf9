"""django-allauth's signals as events. Source: https://docs.allauth.org/en/latest/account/signals.html (read 2026-11-28).

`sign_up` and `login` come from Django's own signals already; what allauth knows besides has events of its own.
"""

from __future__ import annotations

from typing import Any

from allauth.account.signals import email_confirmed, user_logged_in, user_signed_up
from django.apps import apps

from triggers.capturing import capture
from triggers.sources.auth import sync


def connect() -> None:
    user_signed_up.connect(_signed_up, dispatch_uid="triggers.allauth.signed_up")
    email_confirmed.connect(_confirmed, dispatch_uid="triggers.allauth.confirmed")
    user_logged_in.connect(_logged_in, dispatch_uid="triggers.allauth.logged_in")
    if apps.is_installed("allauth.socialaccount"):
        from allauth.socialaccount.signals import social_account_added

        social_account_added.connect(_added, dispatch_uid="triggers.allauth.added")


def _signed_up(user: Any, sociallogin: Any = None, **kwargs: Any) -> None:
    """The account is complete now: a network's names and addresses are saved after the user."""
    sync(user)
    if sociallogin:
        capture("social_sign_up", contact=user, data=_provider(sociallogin))


def _confirmed(email_address: Any, **kwargs: Any) -> None:
    if email_address.primary:
        sync(email_address.user)
    capture("email_confirmed", contact=email_address.user)


def _logged_in(user: Any, sociallogin: Any = None, **kwargs: Any) -> None:
    if sociallogin:
        capture("social_login", contact=user, data=_provider(sociallogin))


def _added(sociallogin: Any, **kwargs: Any) -> None:
    capture("social_account_added", contact=sociallogin.user, data=_provider(sociallogin))


def _provider(sociallogin: Any) -> dict[str, Any]:
    return {"provider": sociallogin.account.provider}
