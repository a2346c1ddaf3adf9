"""The page that makes two contacts one: it says what will happen, and needs a right of its own."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

import triggers
from tests.admin.conftest import Staff
from tests.build import live_chain, make_contact, make_template
from triggers.engine.turn import turn
from triggers.models import Contact, Journey

LIST = "/admin/triggers/contact/"


def choose(client: Client, *contacts: Contact) -> str:
    """Where the list's action leads."""
    form = {"action": "merge_selected", "_selected_action": [one.pk for one in contacts]}
    return client.post(LIST, form)["Location"]


def test_the_list_leads_to_the_page_and_the_page_merges(boss: Client) -> None:
    kept, gone = make_contact(1, first_name="Anna"), make_contact(2, first_name="Annie", last_name="Lind")
    address = choose(boss, gone, kept)
    assert address == f"{LIST}merge/{kept.pk}/{gone.pk}/"
    page = boss.get(address).content.decode()
    assert "person2@example.com still leads to this contact." in page
    assert "The consent was given for the other address" not in page
    assert f"{LIST}merge/{gone.pk}/{kept.pk}/" in page
    assert Contact.objects.filter(merged_into=None).count() == 2
    assert boss.post(address)["Location"] == f"{LIST}{kept.pk}/change/"
    assert Contact.objects.get(pk=gone.pk).merged_into == kept
    entry = LogEntry.objects.get()
    assert (entry.object_id, "Annie" in entry.change_message) == (str(kept.pk), False)


def test_who_is_gone_is_found_as_who_stays(boss: Client) -> None:
    kept, gone = make_contact(1), make_contact(2)
    boss.post(f"{LIST}merge/{kept.pk}/{gone.pk}/")
    found = boss.get(LIST, {"q": "person2@example.com"}).context["cl"].result_list
    assert [one.pk for one in found] == [kept.pk]
    assert boss.get(f"{LIST}{gone.pk}/change/")["Location"] == f"{LIST}{kept.pk}/change/"


def test_the_page_names_journeys_and_consents_that_do_not_go_on(boss: Client) -> None:
    make_template()
    live_chain(
        [("letter", "send_email", {"template": "reminder"}), ("wait", "wait", {"amount": 1, "unit": "days"})]
    )
    kept, gone = make_contact(1, agrees=False), make_contact(2)
    for contact in (kept, gone):
        triggers.capture("add_to_cart", contact=contact)
        turn(contact.shard)
    page = boss.get(f"{LIST}merge/{kept.pk}/{gone.pk}/").content.decode()
    assert "both are inside; the journey of who stays goes on" in page
    assert "The consent was given for the other address" in page
    said = boss.post(f"{LIST}merge/{kept.pk}/{gone.pk}/", follow=True).content.decode()
    assert "1 journey ended." in said
    assert Journey.objects.filter(active_slot=1).count() == 1


def test_two_customers_need_a_word(boss: Client) -> None:
    kept, gone = make_contact(1, external_id="7"), make_contact(2, external_id="9")
    address = f"{LIST}merge/{kept.pk}/{gone.pk}/"
    assert "two customers of the shop, 7 and 9" in boss.get(address).content.decode()
    assert "two customers of the shop" in boss.post(address, follow=True).content.decode()
    assert not Contact.objects.exclude(merged_into=None).exists()
    boss.post(address, {"joins_accounts": "on"})
    assert Contact.objects.get(external_id="9").merged_into == kept


def test_exactly_two(boss: Client) -> None:
    people = [make_contact(number) for number in range(3)]
    for chosen in (people, people[:1]):
        form = {"action": "merge_selected", "_selected_action": [one.pk for one in chosen]}
        assert "Select exactly two contacts." in boss.post(LIST, form, follow=True).content.decode()


@pytest.mark.parametrize(("kept", "gone"), [(1, 1), (1, 999_999), (0, 0)])
def test_addresses_that_lead_to_nobody(kept: int, gone: int, boss: Client) -> None:
    contact = make_contact()
    address = f"{LIST}merge/{contact.pk if kept else 0}/{contact.pk if gone == 1 else gone}/"
    assert boss.get(address).status_code == boss.post(address).status_code == 404


def test_it_needs_its_own_right(staff: Staff) -> None:
    kept, gone = make_contact(1), make_contact(2)
    address = f"{LIST}merge/{kept.pk}/{gone.pk}/"
    for rights in (["view_contact", "change_contact"], ["merge_contact"]):
        client = staff(*rights)
        assert client.get(address).status_code == client.post(address).status_code == 403
    assert "merge_selected" not in staff("view_contact", "change_contact").get(LIST).content.decode()
    assert staff("view_contact", "merge_contact").post(address).status_code == 302
