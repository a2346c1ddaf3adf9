"""Who comes into a segment and who leaves it: events once each, none for taking stock, and a chain that starts by them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

import triggers
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.engine.audience import contacts_in, membership
from triggers.engine.audience.membership import look_at_segments
from triggers.engine.erase import erase_contact
from triggers.engine.merge import merge_contacts
from triggers.engine.publish import pause_chain, publish
from triggers.models import Contact, ContactTag, Event, Journey, PendingEvent, Segment, SegmentMember
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

VIP = {"kind": "tag", "tag": "vip"}


def tag(contact: Contact, name: str = "vip") -> None:
    ContactTag.objects.create(contact=contact, name=name)


def untag(contact: Contact) -> None:
    ContactTag.objects.filter(contact=contact).delete()


def watched(key: str = "vips", rule: Any = VIP, **fields: Any) -> Segment:
    return Segment.objects.create(key=key, name=key, rule=rule, is_watched=True, **fields)


def happened() -> list[tuple[str, int]]:
    names = ("segment_entered", "segment_left")
    return list(Event.objects.filter(name__in=names).order_by("pk").values_list("name", "contact"))


def test_the_first_look_takes_stock_and_the_next_ones_tell() -> None:
    inside, comes = make_contact(1), make_contact(2)
    tag(inside)
    segment = watched()
    assert look_at_segments() == 1
    assert happened() == []
    tag(comes)
    untag(inside)
    assert look_at_segments() == 2
    assert happened() == [("segment_entered", comes.pk), ("segment_left", inside.pk)]
    event = Event.objects.get(name="segment_entered")
    assert (event.data, event.object_ref) == ({"segment": "vips", "name": "vips"}, "segment:vips")
    assert PendingEvent.objects.filter(event=event, shard=comes.shard).exists()
    assert look_at_segments() == 0
    assert set(SegmentMember.objects.values_list("segment", "contact")) == {(segment.pk, comes.pk)}


def test_an_edit_is_nothing_that_happened_to_the_contacts() -> None:
    """Neither of the segment itself nor of one that it asks about."""
    tag(make_contact(1), "gold")
    inner = Segment.objects.create(key="inner", name="inner", rule=VIP)
    watched(rule={"kind": "in_segment", "segment": "inner"})
    look_at_segments()
    inner.rule = {"kind": "tag", "tag": "gold"}
    inner.save()
    assert look_at_segments() == 1
    assert happened() == []
    tag(make_contact(2), "gold")
    look_at_segments()
    assert [name for name, _contact in happened()] == ["segment_entered"]


def test_nobody_looks_at_what_nobody_asks_for() -> None:
    contact = make_contact()
    segment = watched()
    look_at_segments()
    Segment.objects.update(is_watched=False)
    tag(contact)
    assert look_at_segments() == 0
    segment.refresh_from_db()
    assert segment.members_of == ""
    Segment.objects.update(is_watched=True)
    # What came meanwhile is old news.
    assert look_at_segments() == 1
    assert happened() == []


def test_many_go_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "SLICE", 2)
    monkeypatch.setattr(membership, "SILENT_SLICE", 3)
    people = [make_contact(number) for number in range(7)]
    segment = watched()
    look_at_segments()
    for one in people:
        tag(one)
    assert look_at_segments() == 7
    assert sorted(happened()) == sorted(("segment_entered", one.pk) for one in people)
    Segment.objects.filter(pk=segment.pk).update(members_of="")
    SegmentMember.objects.all().delete()
    assert look_at_segments() == 7
    assert len(happened()) == 7


def test_a_segment_that_cannot_be_asked_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    watched("broken", {"kind": "in_segment", "segment": "gone"})
    watched("alien", {"kind": "moon_phase"})
    watched("vips")
    look_at_segments()
    tag(make_contact())
    assert look_at_segments() == 1
    assert len(happened()) == 1
    actions = [getattr(record, "action", "") for record in caplog.records]
    assert actions.count("segment.not_looked_at") == 4


def test_a_contact_that_is_deleted_leaves_without_a_word() -> None:
    contact = make_contact()
    tag(contact)
    watched()
    look_at_segments()
    contact.delete()
    assert look_at_segments() == 0
    assert happened() == []


def test_who_becomes_another_contact_or_nobody_goes_without_a_word() -> None:
    kept, gone, erased = make_contact(1), make_contact(2), make_contact(3)
    for one in (kept, gone, erased):
        tag(one)
    watched()
    look_at_segments()
    merge_contacts(kept, gone)
    erase_contact(erased)
    assert set(contacts_in(VIP)) == set(contacts_in("")) - {make_contact(4)} == {kept}
    assert look_at_segments() == 0
    assert happened() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgres", "mariadb")
def test_two_schedulers_tell_each_story_once() -> None:
    watched()
    look_at_segments()
    people = [make_contact(number) for number in range(30)]
    for one in people:
        tag(one)

    def look() -> None:
        look_at_segments()
        connection.close()

    both = [threading.Thread(target=look) for _one in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    look_at_segments()
    assert sorted(happened()) == sorted(("segment_entered", one.pk) for one in people)


@pytest.mark.parametrize("change", ["entered", "left"])
def test_a_chain_starts_by_it(change: str) -> None:
    make_template()
    segment = Segment.objects.create(key="vips", name="VIPs", rule=VIP)
    chain = draft_chain([("letter", "send_email", {"template": "reminder"})])
    chain.entry_kind, chain.entry_config = "segment", {"segment": segment.key, "change": change}
    chain.save()
    publish(chain)
    chain.refresh_from_db()
    inside, comes = make_contact(1), make_contact(2)
    tag(inside)
    look_at_segments()
    tag(comes)
    untag(inside)
    look_at_segments()
    run_due()
    assert [one.contact for one in Journey.objects.all()] == [comes if change == "entered" else inside]
    pause_chain(chain)
    look_at_segments()
    segment.refresh_from_db()
    assert segment.members_of == ""


def test_a_journey_asks_about_a_segment() -> None:
    Segment.objects.create(key="vips", name="VIPs", rule=VIP)
    question = {"condition": {"kind": "in_segment", "segment": "vips"}}
    live_chain([("ask", "condition", question, {"yes": [("bye", "exit", {"why": "vip"})]})], event="sign_up")
    for number, name in ((1, "vip"), (2, "other")):
        contact = make_contact(number)
        tag(contact, name)
        triggers.capture("sign_up", contact=contact)
    run_due()
    assert sorted(Journey.objects.values_list("status", flat=True)) == ["exited", "finished"]
