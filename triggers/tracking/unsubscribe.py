"""The unsubscribe page: GET shows, POST acts (RFC 8058: one click, no cookie, no redirect)."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import override
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from triggers import consent
from triggers.links import read_unsubscribe_token
from triggers.logs import note
from triggers.models import Message
from triggers.shop import ShopInfo, get_adapter

logger = logging.getLogger(__name__)

SOURCE = "unsubscribe page"
ONE_CLICK = "one-click unsubscribe"


@method_decorator([csrf_exempt, login_not_required, never_cache], name="dispatch")
class UnsubscribeView(View):
    """The token decides whose page it is; sessions and cookies do not matter, so no CSRF check is needed."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._page(request, _find(token))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        message = _find(token)
        if message is None:
            return self._page(request, None)
        if request.POST.get("List-Unsubscribe") == "One-Click":
            _unsubscribe(message, everything=False, source=ONE_CLICK)
            return _private(HttpResponse("OK", content_type="text/plain"))
        return self._page(request, message, done=_act(message, request.POST.get("do", "")))

    def _page(self, request: HttpRequest, message: Message | None, done: str = "") -> HttpResponse:
        language = message.contact.language if message else ""
        context = {"message": message, "done": done, "shop": _shop()}
        status = 200 if message else 404
        if not language:
            return _private(render(request, "triggers/public/unsubscribe.html", context, status=status))
        with override(language):
            return _private(render(request, "triggers/public/unsubscribe.html", context, status=status))


def _shop() -> ShopInfo:
    """The shop's contacts; a page that is the law must not fail because they cannot be had."""
    try:
        return get_adapter().shop()
    except Exception as error:
        note(logger, logging.ERROR, "shop.failed", page="unsubscribe", error=error)
        return ShopInfo()


def _find(token: str) -> Message | None:
    uid = read_unsubscribe_token(token)
    return Message.objects.select_related("contact", "topic").filter(uid=uid).first() if uid else None


def _act(message: Message, wish: str) -> str:
    """Do what the button says; returns it for the page, "" for a button that does not exist."""
    if wish in ("topic", "all"):
        _unsubscribe(message, everything=wish == "all", source=SOURCE)
        return wish
    if wish == "undo" and message.topic:
        consent.opt_in(message.contact, message.topic)
        return wish
    return ""


def _unsubscribe(message: Message, *, everything: bool, source: str) -> None:
    """End the topic; a message without a topic can only mean the whole channel."""
    if message.topic and not everything:
        consent.opt_out(message.contact, message.topic, source=source)
    else:
        consent.withdraw(message.contact, message.channel, source=source)


def _private(response: HttpResponse) -> HttpResponse:
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
