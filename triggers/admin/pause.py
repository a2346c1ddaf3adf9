"""The switch over everything, on the health page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _

from triggers.control import pause_everything, pause_of_everything, resume_everything
from triggers.models import Control


class PauseSwitch(admin.ModelAdmin):
    """Two addresses that take a POST; the right to them is apart from all others."""

    def pause_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("pause/", wrap(self.pause_view), name="triggers_heartbeat_pause"),
            path("resume/", wrap(self.resume_view), name="triggers_heartbeat_resume"),
        ]

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        why = request.POST.get("why", "").strip()
        said = _("Everything is paused: no journey moves and nothing leaves until somebody resumes it.")
        return self._switch(request, lambda: pause_everything(why, by=request.user), said, why)

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        return self._switch(request, resume_everything, _("Everything goes on."))

    def _switch(self, request: HttpRequest, verb: Any, said: str, why: str = "") -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_pause(request):
            raise PermissionDenied
        if verb():
            self.log_change(request, Control(pk=1), f"{said} {why}".strip())
            self.message_user(request, said, messages.SUCCESS)
        else:
            self.message_user(request, _("Nothing changed: it was so already."), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:triggers_heartbeat_changelist"))


def pause_banner(request: HttpRequest) -> dict[str, Any]:
    """What `paused.html` shows on a page while everything is paused."""
    return {"paused": pause_of_everything(), "may_pause": may_pause(request)}


def may_pause(request: HttpRequest) -> bool:
    return request.user.has_perm("triggers.pause_everything")
