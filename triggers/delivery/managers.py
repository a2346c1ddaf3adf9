"""Mail to Django's MANAGERS about what a person should look at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.core.mail import mail_managers
from django.core.mail.backends.base import BaseEmailBackend

from triggers.accounts import DEFAULT, accounts
from triggers.delivery.backends import backend_class
from triggers.delivery.email import close_backend, make_backend
from triggers.logs import note

logger = logging.getLogger(__name__)


def tell_managers(subject: str, text: str, *, besides: str = "", **ids: Any) -> None:
    """Over the first account that takes it, `besides` (which does not work) last. Never raises: `ids` go to the log."""
    problem: Exception | None = None
    for make in _backends(besides):
        try:
            _send(subject, text, make())
            return
        except Exception as error:
            problem = error
    note(logger, logging.ERROR, "managers.not_told", error=problem, **ids)


def _send(subject: str, text: str, backend: BaseEmailBackend) -> None:
    try:
        mail_managers(subject, text, connection=backend)
    finally:
        # One whose login was refused is half open.
        close_backend(backend)


def _backends(besides: str) -> Iterator[Callable[[], BaseEmailBackend]]:
    """Ours have a timeout: a silent server must not hold whoever watches. Django's own is the last resort."""
    aliases = sorted(accounts("email"), key=lambda alias: (alias == besides, alias != DEFAULT))
    yield from (partial(make_backend, alias) for alias in aliases)
    if accounts("email").get(DEFAULT, {}).get("BACKEND"):
        yield _djangos_own


def _djangos_own() -> BaseEmailBackend:
    backend: BaseEmailBackend = backend_class(None)()
    return backend
