from __future__ import annotations

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client
from pytest_django import Settings

from demo_shop.mailbox.sms import MailboxSMSBackend
from demo_shop.models import MailboxLetter, MailboxText
from triggers.delivery.sms import SMSMessage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailbox(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "demo_shop.mailbox.email.MailboxBackend"


@pytest.fixture
def letter() -> MailboxLetter:
    message = EmailMultiAlternatives(
        "Grüße <b>&</b> Licht", "See https://shop.test/cart/", "Shop <shop@shop.test>", ["anna@example.com"],
        headers={"List-Unsubscribe": "<https://shop.test/u/1>"},
    )  # fmt: skip
    message.attach_alternative(
        "<html><body><script>top.x=1</script><a href='/x'>Über</a></body></html>", "text/html"
    )
    assert message.send() == 1
    return MailboxLetter.objects.get()


def test_a_letter_is_kept_as_it_left(letter: MailboxLetter) -> None:
    assert (letter.recipients, letter.subject) == ("anna@example.com", "Grüße <b>&</b> Licht")
    assert ("List-Unsubscribe", "<https://shop.test/u/1>") in letter.headers
    assert "Über" in letter.body("html")
    assert letter.body("plain").startswith("See https")


def test_a_letter_without_html_or_without_text(client: Client) -> None:
    EmailMessage("Plain", "only text", to=["a@example.com"]).send()
    html_only = EmailMessage("Pretty", "<p>only html</p>", to=["a@example.com"])
    html_only.content_subtype = "html"
    html_only.send()
    assert [bool(one.body("html")) for one in MailboxLetter.objects.order_by("pk")] == [False, True]
    for one in MailboxLetter.objects.all():
        assert client.get(one.get_absolute_url()).status_code == 200


def test_nothing_is_kept_of_a_letter_to_nobody() -> None:
    assert EmailMessage("Nobody", "text", to=[]).send() == 0
    assert not MailboxLetter.objects.exists()


def test_the_page_escapes_and_links(client: Client, letter: MailboxLetter) -> None:
    listed = client.get("/mailbox/").content.decode()
    assert "Grüße &lt;b&gt;&amp;&lt;/b&gt; Licht" in listed
    page = client.get(letter.get_absolute_url()).content.decode()
    assert '<a href="https://shop.test/cart/"' in page
    assert "List-Unsubscribe" in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_the_letters_html_may_run_nothing(client: Client, letter: MailboxLetter) -> None:
    answer = client.get(f"{letter.get_absolute_url()}html/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in answer.content.decode()


def test_texts_are_kept_and_shown(client: Client, letter: MailboxLetter) -> None:
    messages = [
        SMSMessage(uid=str(n), to=f"+4930231250{n:02}", body=f"<i>{n}</i>", sender="Shop") for n in range(2)
    ]
    results = MailboxSMSBackend().send_messages(messages)
    assert [(one.uid, one.status) for one in results] == [("0", "accepted"), ("1", "accepted")]
    assert MailboxText.objects.count() == 2
    page = client.get("/mailbox/").content.decode()
    assert "&lt;i&gt;1&lt;/i&gt;" in page
    assert len(client.get("/mailbox/", {"q": "+493023125001"}).context["sent"]) == 1
    assert [*client.get("/mailbox/", {"q": "anna"}).context["sent"]] == [letter]
