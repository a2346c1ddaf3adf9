"""Pausing a lane and resuming it, from the health page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from triggers.accounts import lane_names
from triggers.admin.base import may
from triggers.delivery.lane import pause_lane, resume_lane, try_lane
from triggers.models import Lane

# The verb of each button, and what is said after it.
VERBS: dict[str, tuple[Callable[[str], Any], str]] = {
    "pause": (pause_lane, gettext_noop("The lane %(lane)s is paused: nothing leaves it.")),
    "resume": (resume_lane, gettext_noop("The lane %(lane)s goes on.")),
    "try": (try_lane, gettext_noop("The provider of the lane %(lane)s is tried with the next message.")),
}


def may_act(request: HttpRequest) -> bool:
    return may(request, "change", Lane)


def lane_view(request: HttpRequest, verb: str) -> HttpResponseRedirect:
    """POST only; forged verbs and names change nothing."""
    if not may_act(request):
        raise PermissionDenied
    lane = request.POST.get("lane", "").replace("\0", "")
    known = lane in lane_names() or Lane.objects.filter(pk=lane).exists()
    if request.method == "POST" and verb in VERBS and known:
        act, said = VERBS[verb]
        act(lane)
        messages.success(request, _(said) % {"lane": lane})
    else:
        messages.error(request, _("There is no such lane."))
    return HttpResponseRedirect(reverse("admin:triggers_heartbeat_changelist"))
