"""The API's addresses: ask for the key, read, call one function, answer. The same form whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from triggers.api.body import read_json
from triggers.api.errors import Refusal
from triggers.api.ingest import take_events
from triggers.api.keys import authenticate, note_use
from triggers.api.openapi import document
from triggers.api.people import save_contacts
from triggers.api.rate import count_call
from triggers.api.schema import MOST_AT_ONCE, Error, Problem, Result, Results
from triggers.logs import note
from triggers.models import ApiKey, KeyKind

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
# The caller shows a key; cookies and sessions do not matter. What is answered for is committed, so no transaction of
# the host's may lie around it.
public = method_decorator(
    [csrf_exempt, login_not_required, never_cache, transaction.non_atomic_requests], name="dispatch"
)


@public
class BatchView(View):
    """A list under `plural`, or one of its elements alone."""

    http_method_names = ["post", "options"]
    plural: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Refusal as refusal:
            return _refuse(refusal)
        except (DatabaseError, InterfaceError) as error:
            note(logger, logging.ERROR, "api.unavailable", error=error)
            headers = {"Retry-After": str(RETRY_SECONDS)}
            return _refuse(Refusal(503, "", "the database cannot be written at the moment", headers))

    def post(self, request: HttpRequest) -> HttpResponse:
        key = authenticate(request)
        if key.kind != KeyKind.SERVER or not self.is_allowed(key):
            raise Refusal(403, "Authorization", "this key may not make this call")
        count_call(key)
        given = self._elements(read_json(request))
        note_use(key)
        return _answer(Results(self.take(given, key)))

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _refuse(Refusal(405, "", "use POST", {"Allow": "POST, OPTIONS"}))

    def is_allowed(self, key: ApiKey) -> bool:
        raise NotImplementedError

    def take(self, given: Sequence[Any], key: ApiKey) -> list[Result]:
        raise NotImplementedError

    def _elements(self, body: Mapping[str, Any]) -> Sequence[Any]:
        if self.plural not in body:
            return [body]
        elements = body[self.plural]
        if len(body) > 1 or not isinstance(elements, list) or not 1 <= len(elements) <= MOST_AT_ONCE:
            raise Refusal(400, self.plural, f"must be a list of 1 to {MOST_AT_ONCE}, and nothing beside it")
        return elements


class EventsView(BatchView):
    plural = "events"

    def is_allowed(self, key: ApiKey) -> bool:
        return bool(key.events)

    def take(self, given: Sequence[Any], key: ApiKey) -> list[Result]:
        return take_events(given, key)


class ContactsView(BatchView):
    plural = "contacts"

    def is_allowed(self, key: ApiKey) -> bool:
        return key.may_write_contacts

    def take(self, given: Sequence[Any], key: ApiKey) -> list[Result]:
        return save_contacts(given, key)


@csrf_exempt
@login_not_required
def openapi(request: HttpRequest) -> HttpResponse:
    """The description of the API; it tells nothing about this shop."""
    return _answer(document(request.path.rpartition("/")[0]))


def _refuse(refusal: Refusal) -> HttpResponse:
    return _answer(Error(Problem(refusal.field, refusal.message)), refusal.status, refusal.headers)


def _answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(value), status=status, headers=headers, content_type="application/json"
    )
