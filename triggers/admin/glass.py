"""Letters shown in the admin: a response in which nothing of the letter can act."""

from __future__ import annotations

from django.http import HttpResponse

# `sandbox` puts the page into an origin of its own even when it is opened without our frame around it.
LETTER_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; font-src https: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
# Our own page around a letter that is not saved: its style sheet is ours, the frame in it inherits the rest.
PREVIEW_POLICY = LETTER_POLICY.replace("style-src", "style-src 'self'")


def behind_glass(html: str, policy: str = LETTER_POLICY) -> HttpResponse:
    """The HTML without scripts, forms, or a way to our cookies; kept nowhere, telling nobody where it was seen."""
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(html, headers=headers)
