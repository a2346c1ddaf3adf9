"""The page that erases a contact: it says what goes and what stays, and needs a right of its own."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.test import Client

import triggers
from tests.admin.conftest import Staff
from tests.build import make_contact
from triggers.models import Contact, Suppression

LIST = "/admin/triggers/contact/"


def test_the_list_leads_to_the_page_and_the_page_erases(boss: Client) -> None:
    contact = make_contact(first_name="Anna")
    triggers.capture("page_view", contact=contact)
    form = {"action": "erase_selected", "_selected_action": contact.pk}
    address = boss.post(LIST, form)["Location"]
    page = boss.get(address).content.decode()
    assert "Anna" in page
    assert "What stays" in page
    assert Contact.objects.get().first_name
    assert "is erased" in boss.post(address, follow=True).content.decode()
    contact.refresh_from_db()
    assert contact.erased_at
    assert LogEntry.objects.get().object_repr == f"erased contact #{contact.pk}"


def test_who_is_erased_can_be_looked_at_and_not_written_to(boss: Client) -> None:
    contact = make_contact()
    assert "Erase…" in boss.get(f"{LIST}{contact.pk}/change/").content.decode()
    boss.post(f"{LIST}{contact.pk}/erase/")
    page = boss.get(f"{LIST}{contact.pk}/change/").content.decode()
    assert f"erased contact #{contact.pk}" in page
    assert 'name="first_name"' not in page
    assert "Erase…" not in page
    assert boss.post(f"{LIST}{contact.pk}/change/", {"first_name": "Anna"}).status_code == 403
    assert boss.get(f"{LIST}{contact.pk}/erase/").status_code == 404


def test_the_suppression_is_found_by_the_address_only(boss: Client) -> None:
    boss.post(f"{LIST}{make_contact().pk}/erase/")
    page = boss.get("/admin/triggers/suppression/", {"q": "person1@example.com"})
    assert [one.channel for one in page.context["cl"].result_list] == ["email"]
    assert "known by its hash only" in page.content.decode()
    assert Suppression.objects.count() == 2


def test_it_needs_its_own_right(staff: Staff) -> None:
    contact = make_contact()
    address = f"{LIST}{contact.pk}/erase/"
    for rights in (["view_contact", "change_contact"], ["erase_contact"]):
        client = staff(*rights)
        assert client.get(address).status_code == client.post(address).status_code == 403
    assert staff("view_contact", "erase_contact").post(address).status_code == 302
