"""Page views without a script, for shops that want them: `"triggers.tracking.middleware.PageViews"` in MIDDLEWARE."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from triggers.capturing import capture
from triggers.logs import note
from triggers.models import Visitor
from triggers.tracking.backlog import is_overloaded
from triggers.tracking.parcel import without_secrets
from triggers.visitors import begin_visit, may_track, person_of, remember_visitor

logger = logging.getLogger(__name__)

NAVIGATION = ("document", "")


class PageViews:
    """`page_view` for each HTML page that a person opens; stands behind Django's sessions and authentication.

    Known customers are recorded as such, others as visitors, who get a cookie. Staff, robots and prefetching browsers are
    left out. Whatever goes wrong here is logged; the page is shown.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        try:
            if _is_page_view(request, response) and may_track(request) and not is_overloaded():
                _record(request, response)
        except Exception as error:
            note(logger, logging.ERROR, "page_view.failed", error=error)
        return response


def _is_page_view(request: HttpRequest, response: HttpResponse) -> bool:
    headers = request.headers
    return (
        request.method == "GET"
        and response.status_code == 200
        and response.headers.get("Content-Type", "").startswith("text/html")
        and headers.get("Sec-Fetch-Dest", "") in NAVIGATION
        and "prefetch" not in (headers.get("Sec-Purpose", "") + headers.get("Purpose", ""))
    )


def _record(request: HttpRequest, response: HttpResponse) -> None:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.is_staff:
        return
    person = person_of(request)
    with transaction.atomic():
        if person is None:
            person = begin_visit(request)
            remember_visitor(request, response, person)
            patch_vary_headers(response, ["Cookie"])
        data = {
            "page_location": without_secrets(request.build_absolute_uri()),
            "page_referrer": without_secrets(request.headers.get("Referer", "")[:2000]),
        }
        capture("page_view", contact=person if isinstance(person, Visitor) else request.user, data=data)
