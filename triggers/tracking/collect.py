"""Where the tracker's parcels arrive. Nothing is ever read back, and only the shop's own pages may call."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from triggers.capturing import record_event
from triggers.clock import DatabaseNow
from triggers.contacts import contact_for
from triggers.crashpoints import crash_point
from triggers.exceptions import InvalidEvent
from triggers.identity import claim
from triggers.logs import note
from triggers.models import Visitor, VisitorEvent
from triggers.tracking.backlog import is_overloaded
from triggers.tracking.parcel import MOST_BYTES, Parcel, Visit, read_parcel, visits
from triggers.visitors import begin_visit, end_visit, may_track, person_of, remember_visitor, visitor_of

logger = logging.getLogger(__name__)

# Events that a visitor may send at once, and per second after that.
BURST = 120.0
RATE = 2.0
# Parcels of a visitor that are known again.
KEPT_PARCELS = 20
RETRY_AFTER = "60"


@method_decorator([csrf_exempt, login_not_required, never_cache], name="dispatch")
class CollectView(View):
    """The cookie decides whose events these are, and a session whose browser it is. The body can name neither."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if not _is_ours(request):
            return HttpResponse(status=403)
        if is_overloaded():
            return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER})
        try:
            parcel = read_parcel(_body(request))
        except InvalidEvent:
            return HttpResponse(status=400)
        except TooLarge:
            return HttpResponse(status=413)
        return _answer(request, parcel)


class TooLarge(Exception):
    """The body is longer than a parcel can be."""


def _answer(request: HttpRequest, parcel: Parcel) -> HttpResponse:
    response = HttpResponse(status=204)
    told = list(visits(parcel))
    if not told or not may_track(request) or getattr(getattr(request, "user", None), "is_staff", False):
        return response
    try:
        visitor = _receive(request, parcel.id, told)
    except Exception as error:
        # The shop's adapter may be asked who the customer is; whatever breaks, the browser comes again.
        note(logger, logging.WARNING, "parcel.not_recorded", error=error)
        return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER})
    remember_visitor(request, response, visitor)
    return response


def _is_ours(request: HttpRequest) -> bool:
    """Whether a page of the shop sent it. A browser says so by itself; other programs can say what they like."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "same-site"):
        return False
    origin = request.headers.get("Origin")
    if origin is None or origin in django_settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        return urlsplit(origin).netloc == request.get_host()
    except ValueError:
        return False


def _body(request: HttpRequest) -> bytes:
    """Raises TooLarge, and InvalidEvent for a body that does not arrive."""
    try:
        body = request.read(MOST_BYTES + 1)
    except (OSError, UnreadablePostError, RawPostDataException):
        raise InvalidEvent("parcel", "cannot be read") from None
    if len(body) > MOST_BYTES:
        raise TooLarge
    return body


@transaction.atomic
def _receive(request: HttpRequest, parcel_id: str, told: Sequence[Visit]) -> Visitor:
    """Record a parcel that was not recorded yet, as much of it as the visitor may send."""
    visitor = _visitor(request)
    row = Visitor.objects.select_for_update().annotate(now=DatabaseNow()).get(pk=visitor.pk)
    if parcel_id in row.parcels:
        return row
    seconds = max(0.0, (row.now - row.last_seen_at).total_seconds())
    tokens = min(BURST, row.tokens + seconds * RATE) if row.parcels else BURST
    taken = told[: int(tokens)]
    _record(row, taken)
    row.tokens, row.last_seen_at = tokens - len(taken), row.now
    row.parcels = [*row.parcels, parcel_id][-KEPT_PARCELS:]
    row.save(update_fields=["tokens", "last_seen_at", "parcels"])
    crash_point("collect.before_commit")
    return row


def _visitor(request: HttpRequest) -> Visitor:
    """The cookie's visitor, which is whoever is logged in here; a new one where it is somebody else's."""
    visitor = visitor_of(request) or begin_visit(request)
    person = person_of(request)
    contact = None if isinstance(person, Visitor) else contact_for(person)
    if contact is None or claim(visitor, contact):
        return visitor
    end_visit(request)
    visitor = begin_visit(request)
    claim(visitor, contact)
    return visitor


def _record(visitor: Visitor, told: Sequence[Visit]) -> None:
    contact = visitor.contact
    if contact is not None:
        for one in told:
            moment = visitor.now - one.age  # type: ignore[attr-defined]
            record_event(
                one.name, contact=contact, data=one.data, object_ref=one.object_ref, occurred_at=moment
            )
        return
    VisitorEvent.objects.bulk_create(
        VisitorEvent(
            visitor=visitor,
            name=one.name,
            occurred_at=DatabaseNow() - one.age,
            data=one.data,
            object_ref=one.object_ref,
        )
        for one in told
    )
