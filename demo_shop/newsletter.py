"""Newsletter with double opt-in: an address counts only when its owner has pressed the button behind the link."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from demo_shop.models import NewsletterSignup
from triggers import consent
from triggers.conf import settings

SALT = "demo_shop.newsletter"
LINK_SECONDS = 7 * 24 * 3600


def ask_for_newsletter(email: str) -> None:
    """Send the letter with the confirmation link. Asking again sends it again, confirmed or not: the page must not
    tell a stranger who reads the newsletter."""
    email = email.lower()
    signup, _is_new = NewsletterSignup.objects.update_or_create(email=email)
    path = reverse("demo_shop:newsletter_confirm", args=[signing.dumps(signup.pk, salt=SALT)])
    context = {"link": settings.BASE_URL + path}
    letter = EmailMultiAlternatives(
        subject=_("Please confirm: news from Glow & Grain"),
        body=render_to_string("demo_shop/mail/newsletter.txt", context),
        from_email=django_settings.DEFAULT_FROM_EMAIL,
        to=[email],
    )
    letter.attach_alternative(render_to_string("demo_shop/mail/newsletter.html", context), "text/html")
    letter.send()


def signup_of_token(token: str) -> NewsletterSignup | None:
    """Whose link it is; None when it is false or older than a week."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
    except signing.BadSignature:
        return None
    return NewsletterSignup.objects.filter(pk=pk).first()


def confirm(signup: NewsletterSignup) -> None:
    """The owner of the address has said yes. Saying it twice changes nothing."""
    if signup.confirmed_at:
        return
    with transaction.atomic():
        signup.confirmed_at = timezone.now()
        signup.save(update_fields=["confirmed_at"])
        consent.grant(signup.email, "email", source="newsletter", text=_("News from Glow & Grain by e-mail"))
