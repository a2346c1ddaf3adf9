"""Rows that are written in one statement come back as they were, on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.build import make_contact
from triggers.models import ContactTag, Journey, Message, Transition
from triggers.sql import delete_rows, insert_rows, update_rows

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123_000, tzinfo=UTC)
HOSTILE = [
    "",
    "plain",
    'O\'Hara "quoted" %s %(x)s',
    "back\\slash",
    "Лампа 💡",
    "a\nb\tc",
    "{[(,)]}",
    "null",
    "NULL",
    "'; --",
]


def test_text_json_moments_and_nothing_survive_an_insert() -> None:
    columns = ("journey_id", "seq", "at", "step", "branch", "reason", "data")
    rows = [
        (1, seq, MOMENT, text[:50], "", text, {"text": text, "list": [1, None, True]})
        for seq, text in enumerate(HOSTILE)
    ]
    insert_rows(Transition, columns, rows)
    found = Transition.objects.order_by("seq")
    assert [one.reason for one in found] == HOSTILE
    assert [one.data for one in found] == [row[-1] for row in rows]
    assert {one.at for one in found} == {MOMENT}


def test_uuids_and_nulls_survive_an_insert() -> None:
    contact, uid = make_contact(), uuid4()
    columns = (
        *(
            "uid",
            "journey_id",
            "contact_id",
            "template_key",
            "channel",
            "message_class",
            "lane",
            "topic_id",
            "reason",
        ),
        *(
            "reason_data",
            "created_at",
            "send_after",
            "expires_at",
            "attempt",
            "provider_id",
            "state",
            "address",
            "step",
        ),
    )
    row: tuple[object, ...] = (
        *(uid, None, contact.pk, "t", "email", "marketing", "email.marketing", None, ""),
        *({}, MOMENT, MOMENT, None, 0, "", "queued", "", ""),
    )
    insert_rows(Message, columns, [row])
    message = Message.objects.get(uid=uid)
    assert (message.expires_at, message.topic_id, message.journey_id) == (None, None, None)
    assert message.send_after == MOMENT


def test_an_update_changes_only_rows_that_are_as_they_were_read() -> None:
    from tests.build import live_chain

    chain = live_chain([("wait", "wait", {"amount": 1, "unit": "hours"})])
    version = chain.live_version
    assert version
    common = {
        "chain": chain,
        "version": version,
        "step": "wait",
        "since": MOMENT,
        "entered_at": MOMENT,
        "shard": 0,
    }
    first, second = (
        Journey.objects.create(contact=make_contact(number), due_at=MOMENT, seq=1, **common)
        for number in (1, 2)
    )
    columns = ("id", "seq", "seq", "status", "active_slot", "due_at")
    rows = [(first.pk, 1, 5, "exited", None, None), (second.pk, 0, 5, "exited", None, None)]
    assert update_rows(Journey, columns, rows, guard="seq") == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.seq, first.status, first.due_at, first.active_slot) == (5, "exited", None, None)
    assert (second.seq, second.status, second.due_at) == (1, "active", MOMENT)


def test_no_rows_cost_nothing(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        insert_rows(Transition, ("journey_id",), [])
        assert update_rows(Journey, ("id", "seq"), [], guard="seq") == 0


def test_only_the_rows_of_these_keys_are_deleted() -> None:
    contact = make_contact()
    tags = [ContactTag.objects.create(contact=contact, name=str(number)).pk for number in range(5)]
    delete_rows(ContactTag, [])
    delete_rows(ContactTag, [tags[1], tags[3], tags[4] + 1])
    assert sorted(ContactTag.objects.values_list("pk", flat=True)) == [tags[0], tags[2], tags[4]]
