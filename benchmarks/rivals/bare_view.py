"""The floor of the API: a view that writes what comes, and asks nothing."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def bare(request: HttpRequest) -> JsonResponse:
    from triggers.models import Event

    now = timezone.now()
    events = json.loads(request.body)["events"]
    Event.objects.bulk_create(
        Event(
            contact_id=int(one["contact"]["external_id"]),
            name=one["name"],
            occurred_at=now,
            recorded_at=now,
            data=one["data"],
            object_ref=one["object_ref"],
        )
        for one in events
    )
    return JsonResponse({"results": [{"status": "accepted"} for _one in events]})
