"""The health page: is somebody working, is anything late, what failed and why. Signs of life are its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import floatformat
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from triggers.admin.base import STYLES, ReadOnlyPage, may
from triggers.admin.lanes import lane_view, may_act
from triggers.admin.pause import PauseSwitch, may_pause
from triggers.analytics.health import MOST_FAILURES, Failure, health
from triggers.core.words import say
from triggers.delivery.retry import retry_messages
from triggers.engine.journeys import resume_journeys, retry_failed_events, retry_failed_journeys
from triggers.models import Event, Heartbeat, Journey, Message, MessageState, PendingEvent


def retry_journeys(ids: list[int]) -> int:
    """Failed journeys and paused ones alike: each verb takes its own."""
    return resume_journeys(ids) + retry_failed_journeys(ids)


# What can be tried again from here: the model whose change permission it takes, and the verb.
RETRIES: dict[str, tuple[type[Any], Callable[[list[int]], int]]] = {
    "journeys": (Journey, retry_journeys),
    "messages": (Message, retry_messages),
    "events": (PendingEvent, retry_failed_events),
}


@admin.register(Heartbeat)
class HealthAdmin(PauseSwitch, ReadOnlyPage):
    class Media:
        css = STYLES

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retry_view)
        lane = self.admin_site.admin_view(lane_view)
        return [
            path("retry/<slug:what>/", view, name="triggers_heartbeat_retry"),
            path("lane/<slug:verb>/", lane, name="triggers_heartbeat_lane"),
            *self.pause_urls(),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        state = health(timezone.now())
        zone = timezone.get_current_timezone()
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "opts": self.opts,
            "title": _("Health"),
            "media": self.media,
            "health": state,
            "may_pause": may_pause(request),
            "chains": [(one, say(one.reason, one.data)) for one in state.chains],
            "backlog_cells": _cells(state.backlog),
            "states": [(MessageState(name).label, count) for name, count in state.sent_in_a_day.items()],
            "may_act_on_lanes": may_act(request),
            "may_see_messages": may(request, "view", Message) or may(request, "change", Message),
            "sections": self._sections(request, state),
            "zone": zone,
            "pace": pace(state.wait_scale),
            "most": MOST_FAILURES,
        }
        return TemplateResponse(request, "triggers/admin/health.html", context)

    def _sections(self, request: HttpRequest, state: Any) -> list[dict[str, Any]]:
        """The three kinds of failures with their words and rights."""
        titles = {
            "journeys": (_("Journeys that stopped"), state.journeys, Journey),
            "messages": (_("Messages that failed, or may not have arrived"), state.messages, Message),
            "events": (_("Events that were set aside"), state.events, Event),
        }
        return [
            {
                "what": what,
                "title": title,
                "total": failures.total,
                "rows": [_row(request, model, one) for one in failures.rows],
                "may_retry": may(request, "change", RETRIES[what][0]),
                "url": reverse("admin:triggers_heartbeat_retry", args=[what]),
            }
            for what, (title, failures, model) in titles.items()
        ]

    def retry_view(self, request: HttpRequest, what: str) -> HttpResponse:
        """Try the chosen failures again. POST only; forged names and numbers are refused."""
        back = HttpResponseRedirect(reverse("admin:triggers_heartbeat_changelist"))
        if what not in RETRIES:
            self.message_user(request, _("There is nothing of that kind to retry."), messages.ERROR)
            return back
        model, verb = RETRIES[what]
        if not may(request, "change", model):
            raise PermissionDenied
        chosen = [
            int(text)
            for text in request.POST.getlist("pk")
            if text.isascii() and text.isdigit() and len(text) < 19
        ]
        if request.method != "POST" or not chosen:
            self.message_user(request, _("Choose what to try again."), messages.WARNING)
            return back
        count = verb(chosen)
        text = ngettext("%(count)s is tried again.", "%(count)s are tried again.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
        return back


def _row(request: HttpRequest, model: type[Any], failure: Failure) -> dict[str, Any]:
    may_look = may(request, "view", model) or may(request, "change", model)
    url = reverse(f"admin:triggers_{model._meta.model_name}_change", args=[failure.pk]) if may_look else ""
    return {
        "pk": failure.pk,
        "title": failure.title,
        "state": failure.state,
        "at": failure.at,
        "reason": say(failure.reason, failure.data) if failure.reason else "",
        "url": url,
        "is_chosen": not failure.may_repeat,
    }


def pace(wait_scale: float) -> str:
    """WAIT_SCALE in words: how long an hour of a chain takes by the clock."""
    seconds = 3600 * wait_scale
    if seconds < 60:
        text = ngettext(
            "1 hour passes in %(time)s second.", "1 hour passes in %(time)s seconds.", _count(seconds)
        )
    elif seconds < 3600:
        seconds /= 60
        text = ngettext(
            "1 hour passes in %(time)s minute.", "1 hour passes in %(time)s minutes.", _count(seconds)
        )
    else:
        seconds /= 3600
        text = ngettext(
            "1 hour passes in %(time)s hour.", "1 hour passes in %(time)s hours.", _count(seconds)
        )
    return text % {"time": floatformat(seconds, -1 if seconds >= 1 else -3)}


def _count(value: float) -> int:
    """The number a plural goes by; a fraction is never singular."""
    return 1 if round(value, 1) == 1 else max(2, round(value))


def _cells(backlog: list[int]) -> list[dict[str, int]]:
    """One bar a shard: its count, and its height in percent of the longest (a little for any)."""
    most = max(backlog, default=0)
    return [
        {"shard": shard, "count": count, "height": max(4, round(100 * count / most)) if count else 0}
        for shard, count in enumerate(backlog)
    ]
