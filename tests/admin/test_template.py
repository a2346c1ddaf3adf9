"""Templates are checked when they are saved, and looked at without saving."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.admin.conftest import Staff
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.content.variables import LETTER_VARIABLES
from triggers.models import Template, Topic

LETTER = '<p>Dear {{ contact.first_name|default:"you" }}</p><a href="{{ links.unsubscribe }}">stop</a>'
FORM = {
    "name": "A",
    "key": "a",
    "channel": "email",
    "message_class": "marketing",
    "subject": "S",
    "html": LETTER,
}
PREVIEW = "/admin/triggers/template/preview/"


def save(client: Client, **changes: Any) -> str:
    topic, _ = Topic.objects.get_or_create(key="news", defaults={"name": "News"})
    return client.post("/admin/triggers/template/add/", FORM | {"topic": topic.pk} | changes).content.decode()


def test_a_good_template_is_saved(boss: Client) -> None:
    assert save(boss) == ""
    assert Template.objects.get().html == LETTER


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topic": ""}, "A marketing template needs a topic"),
        ({"html": "<p>Hi</p>"}, "needs an unsubscribe link"),
        ({"html": "", "text": "Hi"}, "needs an unsubscribe link"),
        ({"html": "<p>\n{{ contact.shoe_size }}" + LETTER}, "Line 2, column"),
        ({"html": "{% load i18n %}" + LETTER}, "Line 1, column"),
        ({"html": "{% if %}" + LETTER}, "Line 1, column"),
        ({"subject": ""}, "a letter needs a subject"),
        ({"subject": "{{ contact.password }}"}, "Line 1, column"),
        ({"channel": "sms", "html": ""}, "a text message needs a text"),
    ],
)
def test_a_bad_template_is_refused_in_words(changes: dict[str, str], said: str, boss: Client) -> None:
    assert said in save(boss, **changes)
    assert not Template.objects.exists()


def test_a_transactional_letter_needs_neither_topic_nor_link(boss: Client) -> None:
    assert save(boss, message_class="transactional", topic="", html="<p>Paid.</p>") == ""


@pytest.fixture
def bulk(settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": {}, "bulk": {}}}


def test_an_account_is_only_asked_for_where_there_is_a_choice(boss: Client) -> None:
    assert 'name="account"' not in boss.get("/admin/triggers/template/add/").content.decode()
    assert save(boss, account="bulk") == ""
    assert Template.objects.get().account == ""


def test_an_account_is_chosen_and_fits_the_channel(boss: Client, bulk: None) -> None:
    assert "bulk (e-mail)" in boss.get("/admin/triggers/template/add/").content.decode()
    text = {"channel": "sms", "html": "", "subject": "", "text": "Hi"}
    assert "There is no account “bulk” for this channel" in save(boss, account="bulk", **text)
    assert "Select a valid choice" in save(boss, account="other")
    assert save(boss, account="bulk") == ""
    assert Template.objects.get().account == "bulk"


def test_an_account_that_is_gone_is_said_and_can_be_mended(boss: Client) -> None:
    template = make_template(account="gone")
    page = f"/admin/triggers/template/{template.pk}/change/"
    assert "gone (not in the settings any more)" in boss.get(page).content.decode()
    form = FORM | {"topic": template.topic_id}
    assert "There is no account “gone”" in boss.post(page, form | {"account": "gone"}).content.decode()
    assert boss.post(page, form | {"account": ""}).status_code == 302
    template.refresh_from_db()
    assert template.account == ""


def test_a_value_that_may_be_missing_is_pointed_out(boss: Client) -> None:
    save(boss, html="{{ contact.first_name }}" + LETTER)
    assert (
        "contacts without contact.first_name will not get this letter"
        in boss.get("/admin/triggers/template/").content.decode()
    )


def test_a_template_in_use_is_not_deleted(boss: Client) -> None:
    for number, make in enumerate((draft_chain, live_chain)):
        template = make_template(f"t{number}")
        chain = make([("letter", "send_email", {"template": template.key})], key=f"c{number}")
        chain.steps.update(config={"template": template.key if make is draft_chain else "other"})
        boss.post(f"/admin/triggers/template/{template.pk}/delete/", {"post": "yes"})
        assert Template.objects.filter(pk=template.pk).exists()
    unused = make_template("unused")
    boss.post(f"/admin/triggers/template/{unused.pk}/delete/", {"post": "yes"})
    assert not Template.objects.filter(pk=unused.pk).exists()


def test_the_preview_shows_what_is_not_saved_as_the_contact(boss: Client) -> None:
    contact = make_contact(first_name="Zoë <b>")
    response = boss.post(
        PREVIEW, FORM | {"preview_contact": contact.pk, "subject": "To {{ contact.first_name|default:'' }}"}
    )
    text = response.content.decode()
    assert "To Zoë &lt;b&gt;" in text
    assert 'srcdoc="' in text
    assert text.count('sandbox=""') == 1
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not Template.objects.exists()


def test_the_preview_has_a_made_up_customer(boss: Client) -> None:
    text = boss.post(
        PREVIEW, FORM | {"html": "{% for i in cart.items %}{{ i.name }}{% endfor %}"}
    ).content.decode()
    assert "Table lamp" in text


@pytest.mark.parametrize(
    "source", ["{{ contact.nothing }}", "{% include 'x' %}", "<script>1</script>", "", "{" * 300_000]
)
def test_preview_problems_come_in_words(source: str, boss: Client) -> None:
    response = boss.post(PREVIEW, FORM | {"html": source, "text": ""})
    assert response.status_code == 200
    assert "There is no letter to show" in response.content.decode()


def test_forged_previews(boss: Client, staff: Staff) -> None:
    assert boss.get(PREVIEW).status_code == 405
    for forged in ("999999", "x", "-1", "9" * 40):
        assert (
            "There is no such contact"
            in boss.post(PREVIEW, FORM | {"preview_contact": forged}).content.decode()
        )
        assert boss.post(PREVIEW, FORM | {"preview_saved": forged}).status_code == 200
    assert staff("view_contact").post(PREVIEW, FORM).status_code == 403


def test_who_may_not_see_contacts_previews_as_nobody(staff: Staff) -> None:
    contact = make_contact(first_name="Secret")
    client = staff("change_template", "view_template")
    html = {"html": "{{ contact.first_name|default:'' }}"}
    assert (
        "Secret" not in client.post(PREVIEW, FORM | html | {"preview_contact": contact.pk}).content.decode()
    )


def test_who_may_only_look_previews_what_is_saved(staff: Staff) -> None:
    template = make_template()
    text = staff("view_template").post(PREVIEW, {"preview_saved": template.pk}).content.decode()
    assert "You left something" in text


def test_every_variable_is_listed_under_its_first_word(boss: Client) -> None:
    groups = boss.get("/admin/triggers/template/add/").context["variables"]
    assert [word for word, _members in groups] == [
        "contact", "shop", "event", "cart", "order", "links", "message",
    ]  # fmt: skip
    shown = [one.path for word, members in groups for one, _insertion in members]
    assert shown == [one.path for one in LETTER_VARIABLES.listed()]
