"""The demo's mailbox: everything the shop sent, to whomever. A real shop has no such page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from demo_shop.forms import SearchForm
from demo_shop.models import MailboxLetter, MailboxText

# Newest first; older ones are found by their address.
SHOWN = 100

# A letter may show pictures and open links in new tabs. It may run nothing and send nothing.
LETTER_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    address = form.cleaned_data["q"].strip() if form.is_valid() else ""
    letters = MailboxLetter.objects.filter(recipients__icontains=address).defer("raw")[:SHOWN]
    texts = MailboxText.objects.filter(recipient__icontains=address)[:SHOWN]
    everything: list[MailboxLetter | MailboxText] = [*letters, *texts]
    sent = sorted(everything, key=lambda one: one.sent_at, reverse=True)[:SHOWN]
    return render(request, "demo_shop/mailbox.html", {"sent": sent, "address": address})


@require_safe
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    found = _letter(pk)
    context = {"letter": found, "html": bool(found.body("html")), "text": found.body("plain")}
    return render(request, "demo_shop/letter.html", context)


@require_safe
@xframe_options_sameorigin
def letter_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The letter's own HTML, for the frame on its page. Links open in a new tab."""
    response = HttpResponse('<base target="_blank">' + _letter(pk).body("html"))
    response["Content-Security-Policy"] = LETTER_POLICY
    return response


def _letter(pk: int) -> MailboxLetter:
    return get_object_or_404(MailboxLetter, pk=min(pk, 2**63 - 1))
