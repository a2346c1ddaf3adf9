"""Whose browser a request comes from: the visitor that its signed cookie names, if it may be known at all."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.models import Visitor

MOST_COOKIE_CHARS = 200
# Programs that read pages. The text is cut before it is searched.
ROBOT = re.compile(r"bot|crawl|spider|slurp|preview|monitor|headlesschrome-lighthouse", re.IGNORECASE)
MOST_AGENT_CHARS = 500


def visitor_of(request: HttpRequest) -> Visitor | None:
    """The visitor whose cookie came with the request; None where there is none, or where nobody may be known."""
    if not hasattr(request, "_triggers_visitor"):
        request._triggers_visitor = _find(request) if may_track(request) else None  # type: ignore[attr-defined]
    found: Visitor | None = request._triggers_visitor  # type: ignore[attr-defined]
    return found


def person_of(request: HttpRequest) -> Any:
    """Who an event of this request is about: its user, or else its visitor. None for staff, and for nobody."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return visitor_of(request)
    return None if user.is_staff else user


def begin_visit(request: HttpRequest) -> Visitor:
    """A new visitor for this request; tell the browser with `remember_visitor`."""
    visitor = Visitor.objects.create(first_seen_at=DatabaseNow(), last_seen_at=DatabaseNow())
    request._triggers_visitor = visitor  # type: ignore[attr-defined]
    return visitor


def end_visit(request: HttpRequest) -> None:
    """From here on the request's cookie is worth nothing: somebody else is at this browser."""
    request._triggers_visitor = None  # type: ignore[attr-defined]


def remember_visitor(request: HttpRequest, response: HttpResponse, visitor: Visitor) -> None:
    """Give the browser its cookie. Scripts cannot read it, and no other site gets it."""
    response.set_cookie(
        settings.VISITOR_COOKIE,
        signer().sign(visitor.uid.hex),
        max_age=settings.VISITOR_DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )


def may_track(request: HttpRequest) -> bool:
    """Whether this browser may be known: the shop's own rule, the visitor's signals, and no robots."""
    if settings.RESPECT_DNT and "1" in (request.headers.get("DNT"), request.headers.get("Sec-GPC")):
        return False
    if ROBOT.search(request.headers.get("User-Agent", "")[:MOST_AGENT_CHARS]):
        return False
    rule = settings.TRACKING_ALLOWED
    return bool(import_string(rule)(request)) if rule else True


def signer() -> signing.Signer:
    """One salt per purpose: a token made for another page is no visitor. Not made at import: that needs no secret."""
    return signing.Signer(salt="triggers.visitor", sep=".")


def _find(request: HttpRequest) -> Visitor | None:
    uid = _read_cookie(request.COOKIES.get(settings.VISITOR_COOKIE, ""))
    return Visitor.objects.filter(uid=uid, ended_at__isnull=True).first() if uid else None


def _read_cookie(value: str) -> UUID | None:
    """The uid of a cookie that we made, None for any other."""
    if not value or len(value) > MOST_COOKIE_CHARS:
        return None
    try:
        return UUID(signer().unsign(value))
    except (signing.BadSignature, ValueError):
        return None
