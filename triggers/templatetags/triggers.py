"""Tags for the shop's own templates: `{% load triggers %}`."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from triggers.conf import settings

register = template.Library()


@register.simple_tag
def triggers_tracker(*, wait: bool = False, layer: str = "dataLayer") -> SafeString:
    """The tracker's script tag. With `wait=True` it tells nothing until the visitor's consent is known; `layer` is the
    name of Google's data layer, "" for not listening to it."""
    return format_html(
        '<script src="{}" defer data-url="{}" data-events="{}" data-wait="{}" data-layer="{}" data-quiet="{}"></script>',
        static("triggers/tracker.js"),
        reverse("triggers:collect"),
        " ".join(settings.BROWSER_EVENTS),
        "yes" if wait else "no",
        layer,
        "yes" if settings.RESPECT_DNT else "no",
    )
