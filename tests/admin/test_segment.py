"""The segment's page: what it saves, counts and refuses, and to whom it shows people."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.admin.conftest import Staff
from tests.build import draft_chain, make_contact
from triggers.conditions.fields import describe_kinds
from triggers.forms import FormContext
from triggers.models import ContactTag, Segment

ADDRESS = "/admin/triggers/segment/"
VIP = {"kind": "tag", "tag": "vip"}


def post(client: Client, address: str, rule: Any = VIP, **changes: Any) -> Any:
    data = {"name": "VIPs", "key": "vips", "description": "", "rule": json.dumps(rule)}
    return client.post(address, data | changes)


def saved(key: str = "vips", rule: Any = VIP) -> Segment:
    return Segment.objects.create(key=key, name=f"The {key}", rule=rule)


def test_a_segment_is_drawn_saved_and_changed(boss: Client) -> None:
    assert post(boss, f"{ADDRESS}add/").status_code == 302
    segment = Segment.objects.get()
    assert (segment.rule, segment.key, str(segment.created_by)) == (VIP, "vips", "boss")
    assert "has the tag “vip”" in boss.get(ADDRESS).content.decode()
    address = f"{ADDRESS}{segment.pk}/change/"
    bought = {
        "kind": "event_totals",
        "event": "purchase",
        "at_least": "1",
        "period": "month",
        "month": "8",
        "years_ago": "1",
        "filters": "items.item_category = school",
    }
    assert post(boss, address, {"kind": "all", "of": [VIP, bought]}).status_code == 302
    segment.refresh_from_db()
    assert segment.rule["of"][1]["period"] == {"kind": "month", "month": 8, "years_ago": 1}
    page = boss.get(address).content.decode()
    # The period's fields are flat again where the script draws them.
    assert "&quot;period&quot;: &quot;month&quot;" in page


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (None, "This field is required"),
        ({"kind": "all", "of": []}, "A group needs at least one condition"),
        ({"kind": "message_reaction", "step": "x", "reaction": "opened"}, "only a chain can ask this"),
        ({"kind": "shop_fact", "fact": "cart.total", "op": "gte", "value": "1"}, "only a chain can ask this"),
        ({"kind": "event_happened", "event": "purchase", "at_least": 1}, "This field is required"),
        (
            {"kind": "event_totals", "event": "Bad Name", "at_least": 1, "period": "ever"},
            "is not an event name",
        ),
        ({"kind": "event_totals", "event": "purchase", "period": "days"}, "This is needed for “when”"),
        (
            {"kind": "event_totals", "event": "purchase", "period": "ever", "sum_of": "value"},
            "Say to how much",
        ),
        ({"kind": "contact_field", "field": "password", "op": "eq", "value": "x"}, "no contact field"),
        ({"kind": "in_segment", "segment": "gone"}, "not one of the available choices"),
        ({"kind": "tag", "tag": "x", "event__data": 1}, ""),
    ],
)
def test_what_it_refuses_is_said(boss: Client, rule: Any, said: str) -> None:
    answer = post(boss, f"{ADDRESS}add/", rule)
    if said:
        assert said in answer.content.decode()
    assert Segment.objects.filter(rule__has_key="event__data").count() == 0
    assert Segment.objects.exists() is not bool(said)


def test_a_circle_is_refused_with_its_way(boss: Client) -> None:
    first = saved("first")
    saved("second", {"kind": "in_segment", "segment": "first"})
    answer = post(
        boss, f"{ADDRESS}{first.pk}/change/", {"kind": "in_segment", "segment": "second"}, key="first"
    )
    assert "first → second → first" in answer.content.decode()
    first.refresh_from_db()
    assert first.rule == VIP


def test_the_count_follows_what_stands_in_the_form(boss: Client) -> None:
    for number in range(12):
        ContactTag.objects.create(contact=make_contact(number, first_name=f"Жанна {number}"), name="vip")
    text = boss.post(f"{ADDRESS}count/", {"rule": json.dumps(VIP)}).content.decode()
    assert "<strong>12</strong> contacts" in text
    assert text.count("Жанна") == 10
    nobody = boss.post(f"{ADDRESS}count/", {"rule": json.dumps({"kind": "tag", "tag": "gone"})})
    assert "<strong>0</strong> contacts" in nobody.content.decode()


@pytest.mark.parametrize(
    "rule", ["", "null", "[]", "{", '{"kind": "tag"}', '{"kind": "all", "of": 5}', "\ud800", "[" * 5000]
)
def test_a_rule_that_is_none_has_no_count(boss: Client, rule: str) -> None:
    body = urlencode({"rule": rule}, errors="surrogatepass")
    answer = boss.post(f"{ADDRESS}count/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert "tc-problems" in answer.content.decode()


@pytest.mark.only_on("postgres")
def test_a_count_that_takes_too_long_is_given_up(boss: Client, settings: Any) -> None:
    settings.TRIGGERS = settings.TRIGGERS | {"SEGMENT_SECONDS": 0.001}
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO triggers_contact (uid, email, first_name, last_name, language, time_zone, attributes, created_at,"
            " updated_at) SELECT gen_random_uuid(), '', '', '', '', '', '{}', now(), now() FROM generate_series(1, 20000)"
        )
    rule = {"kind": "contact_field", "field": "attributes.size", "op": "eq", "value": "XL"}
    answer = boss.post(f"{ADDRESS}count/", {"rule": json.dumps(rule)})
    assert "Counting takes longer than 0.001 seconds" in answer.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_people_are_shown_to_those_who_may_see_them(staff: Staff) -> None:
    ContactTag.objects.create(contact=make_contact(1, first_name="Жанна"), name="vip")
    rule = {"rule": json.dumps(VIP)}
    blind = staff("change_segment").post(f"{ADDRESS}count/", rule).content.decode()
    assert "<strong>1</strong> contact" in blind
    assert "Жанна" not in blind
    assert "example.com" not in blind
    assert "Жанна" in staff("view_segment", "view_contact").post(f"{ADDRESS}count/", rule).content.decode()


def test_rights(staff: Staff, boss: Client) -> None:
    segment = saved()
    address = f"{ADDRESS}{segment.pk}/change/"
    nobody, viewer = staff("view_chain"), staff("view_segment")
    assert nobody.get(ADDRESS).status_code == 403
    assert nobody.post(f"{ADDRESS}count/", {"rule": json.dumps(VIP)}).status_code == 403
    assert "has the tag" in viewer.get(address).content.decode()
    assert post(viewer, address, {"kind": "tag", "tag": "x"}).status_code == 403
    assert viewer.post(f"{ADDRESS}count/", {"saved": "vips"}).status_code == 200
    assert boss.get(f"{ADDRESS}count/").status_code == 405


def test_what_is_used_says_where_and_stays(boss: Client) -> None:
    segment = saved()
    saved("inner", {"kind": "none", "of": [{"kind": "in_segment", "segment": "vips"}]})
    ask = {"condition": {"kind": "in_segment", "segment": "vips"}}
    draft_chain([("ask", "condition", ask)], key="asks")
    page = boss.get(f"{ADDRESS}{segment.pk}/change/").content.decode()
    assert "The inner" in page
    assert ">asks</a>" in page
    assert boss.post(f"{ADDRESS}{segment.pk}/delete/", {"post": "yes"}).status_code == 403
    free = Segment.objects.get(key="inner")
    assert boss.post(f"{ADDRESS}{free.pk}/delete/", {"post": "yes"}).status_code == 302


def test_only_what_makes_sense_is_offered() -> None:
    offered = {kind["key"] for kind in describe_kinds(FormContext(is_for_segment=True))}
    everything = {kind["key"] for kind in describe_kinds(FormContext())}
    assert everything - offered == {"shop_fact", "message_reaction"}
    happened = next(
        kind for kind in describe_kinds(FormContext(is_for_segment=True)) if kind["key"] == "event_happened"
    )
    assert [field["name"] for field in happened["fields"]] == [
        "event",
        "at_least",
        "at_most",
        "days",
        "filters",
    ]
