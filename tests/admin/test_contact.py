"""Contacts: addresses through the one door, consents through their verbs, a story that ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import triggers
from tests.admin.conftest import Staff
from tests.build import make_contact
from triggers.admin.search import find_contact_ids
from triggers.models import Consent, Contact, Event, OptOut, Suppression, Topic

INLINES = {
    f"{name}-{kind}_FORMS": "0" for name in ("tags", "consents", "opt_outs") for kind in ("TOTAL", "INITIAL")
}


def save(client: Client, contact: Contact | None = None, **fields: Any) -> Any:
    address = f"{contact.pk}/change/" if contact else "add/"
    return client.post(f"/admin/triggers/contact/{address}", INLINES | {"attributes": "{}"} | fields)


def test_addresses_are_saved_in_their_canonical_form(boss: Client) -> None:
    save(boss, email=" Anna@EXAMPLE.com ", phone="(202) 555-0123")
    contact = Contact.objects.get()
    assert (contact.email, contact.email_key, contact.phone) == (
        "Anna@example.com",
        "anna@example.com",
        "+12025550123",
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "a@example.com, b@example.com"}, "not exactly one e-mail address"),
        ({"email": "PERSON1@example.com"}, "Another contact has this address."),
        ({"phone": "12"}, "not exactly one phone number"),
        ({"phone": "+12025550001"}, "already exists"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"attributes": "[1]"}, "Attributes have names"),
    ],
)
def test_bad_details_are_refused(fields: dict[str, Any], said: str, boss: Client) -> None:
    make_contact(1)
    assert said in save(boss, **fields).content.decode()
    assert Contact.objects.count() == 1


def test_saving_does_not_undo_what_a_chain_changed_meanwhile(boss: Client) -> None:
    contact = make_contact(attributes={"size": "S"})
    page = boss.get(f"/admin/triggers/contact/{contact.pk}/change/").content.decode()
    assert 'name="initial-attributes"' in page
    Contact.objects.filter(pk=contact.pk).update(attributes={"size": "XL"}, language="ru")
    seen = {
        "email": contact.email,
        "phone": contact.phone,
        "attributes": '{"size": "S"}',
        "initial-attributes": '{"size": "S"}',
    }
    save(boss, contact, **seen, first_name="Eve", language="ru")
    contact.refresh_from_db()
    assert (contact.first_name, contact.attributes) == ("Eve", {"size": "XL"})


def test_consents_go_through_their_verbs(boss: Client) -> None:
    contact = make_contact(agrees=False)
    same = {"email": contact.email, "phone": contact.phone}
    said = {
        "consents-TOTAL_FORMS": "1",
        "consents-0-contact": contact.pk,
        "consents-0-channel": "email",
        "consents-0-source": "by phone",
    }
    save(boss, contact, **same, **said, **{"consents-0-is_granted": "on"})
    assert Consent.objects.get().is_granted
    assert Event.objects.filter(name="consent_granted").count() == 1
    taken_back = said | {"consents-INITIAL_FORMS": "1", "consents-0-id": Consent.objects.get().pk}
    save(boss, contact, **same, **taken_back)
    assert not Consent.objects.get().is_granted
    assert Suppression.objects.get().address == contact.email_key
    assert "suppressed" in boss.get(f"/admin/triggers/contact/{contact.pk}/change/").content.decode()


def test_opt_outs_are_added_and_taken_back(boss: Client) -> None:
    contact, topic = make_contact(), Topic.objects.create(key="news", name="News")
    same = {"email": contact.email, "phone": contact.phone}
    said = {
        "opt_outs-TOTAL_FORMS": "1",
        "opt_outs-0-contact": contact.pk,
        "opt_outs-0-topic": topic.pk,
        "opt_outs-0-source": "x",
    }
    save(boss, contact, **same, **said)
    row = OptOut.objects.get()
    gone = {
        "opt_outs-TOTAL_FORMS": "1",
        "opt_outs-INITIAL_FORMS": "1",
        "opt_outs-0-id": row.pk,
        "opt_outs-0-DELETE": "on",
    }
    save(boss, contact, **same, **gone, **{"opt_outs-0-contact": contact.pk})
    assert not OptOut.objects.exists()


def test_contacts_are_not_deleted_from_here(boss: Client) -> None:
    contact = make_contact()
    assert boss.post(f"/admin/triggers/contact/{contact.pk}/delete/", {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": contact.pk, "post": "yes"}
    boss.post("/admin/triggers/contact/", form)
    assert Contact.objects.exists()


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("person1@example.com", 1),
        ("PERSON1@Example.com", 1),
        ("person", 2),
        ("+1 202 555 0001", 1),
        ("shop-7", 1),
        ("ann li", 1),
        ("Лин", 1),
        ("nobody", 0),
        ("", 0),
        ("\0", 0),
        ("%", 0),
        ("x" * 5000, 0),
    ],
)
def test_search(text: str, hits: int, db: None) -> None:
    make_contact(1, first_name="Anna", last_name="Lind", external_id="shop-7")
    make_contact(2, first_name="Вера", last_name="Линд")
    assert len(find_contact_ids(text)) == hits


def test_the_story_leaves_out_what_the_reader_may_not_see(staff: Staff) -> None:
    contact = make_contact()
    triggers.capture("page_view", contact=contact, data={"url": "/secret"})
    address = f"/admin/triggers/contact/{contact.pk}/change/"
    assert "/secret" not in staff("view_contact").get(address).content.decode()
    assert "/secret" in staff("view_contact", "view_event").get(address).content.decode()


def test_the_story_pages_back(boss: Client) -> None:
    contact = make_contact(agrees=False, time_zone="Asia/Tokyo")
    for number in range(205):
        triggers.capture("page_view", contact=contact, data={"n": number})
    address = f"/admin/triggers/contact/{contact.pk}/change/"
    first = boss.get(address)
    assert "Asia/Tokyo" in first.content.decode()
    assert len(first.context["story"]) == 200
    second = boss.get(address, {"until": first.context["story_older"]})
    assert len(second.context["story"]) == 5
    assert second.context["story_older"] == ""
    for forged in ("x", "~~", "2026-01-01~event~1", "2026-01-01T00:00:00+00:00~event~" + "9" * 40, "\0"):
        assert boss.get(address, {"until": forged}).status_code == 200


def test_an_unwanted_topic_stands_at_the_top(boss: Client) -> None:
    contact = make_contact()
    page = f"/admin/triggers/contact/{contact.pk}/change/"
    assert "Marketing, but not:" not in boss.get(page).content.decode()
    OptOut.objects.create(
        contact=contact,
        topic=Topic.objects.create(key="carts", name="Cart reminders"),
        said_at=timezone.now(),
    )
    text = boss.get(page).content.decode()
    assert text.index("Marketing, but not:") < text.index("“Cart reminders”") < text.index("Technical")
