"""Queries whose SQL is kept give what Django's own queries give."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.build import make_contact
from triggers.clock import DatabaseNow
from triggers.models import Contact, Message, Topic
from triggers.statements import Instances, Statement
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

LONG = "k" * 150
HOSTILE = ["O'Hara", 'a "b"', "%s", "back\\slash", "Лампа", LONG]


def message(contact: Contact, **fields: object) -> Message:
    moment = datetime(2026, 3, 29, 1, 30, 0, 123_000, tzinfo=UTC)
    given = {"created_at": moment, "send_after": moment, "channel": "email", "lane": "email.marketing"}
    return Message.objects.create(contact=contact, template_key="letter", **given | fields)


def test_keys_are_found_whatever_stands_in_them() -> None:
    for number, name in enumerate(HOSTILE):
        make_contact(number, first_name=name)
    names = Statement(Contact.objects.values_list("first_name"), by="first_name")
    assert sorted(name for (name,) in names.read(HOSTILE)) == sorted(HOSTILE)
    # A column of 150 characters must not cut a longer key until it fits.
    assert names.read([LONG + "k" * 200]) == []
    assert names.read([]) == []


def test_the_conditions_of_the_query_hold_as_well() -> None:
    one, other = make_contact(1, language="en"), make_contact(2, language="de")
    english = Statement(Contact.objects.filter(language="en").order_by("-pk").values_list("pk"), by="id")
    assert english.read([one.pk, other.pk]) == [(one.pk,)]
    assert Statement(Contact.objects.filter(language="de").values_list("pk")).read() == [(other.pk,)]


def test_rows_are_read_anew_each_time() -> None:
    all_of_them = Statement(Topic.objects.values_list("key"))
    assert all_of_them.read() == []
    Topic.objects.create(key="news", name="News")
    assert all_of_them.read() == [("news",)]


def test_instances_are_those_of_select_related() -> None:
    contact = make_contact(attributes={"size": [1, "ü"]}, email="anna@example.com")
    topic = Topic.objects.create(key="news", name="News")
    full = message(contact, topic=topic, reason_data={"why": {"text": "…"}})
    # Neither table has a constraint to the chains.
    dangling = message(contact, chain_id=4711)
    read = Instances(Message.objects.all(), "contact", "topic", "chain", by="id")
    with CaptureQueriesContext(connection) as queries:
        found = {one.pk: one for one in read.read([full.pk, dangling.pk])}
        assert found[full.pk].contact.attributes == {"size": [1, "ü"]}
        assert found[full.pk].topic.name == "News"
        assert found[full.pk].chain is None
        assert (found[dangling.pk].chain, found[dangling.pk].chain_id) == (None, 4711)
    assert len(queries) == 1
    for one in Message.objects.select_related("contact", "topic", "chain"):
        for field in Message._meta.concrete_fields:
            assert getattr(found[one.pk], field.attname) == getattr(one, field.attname), field
        for field in Contact._meta.concrete_fields:
            assert getattr(found[one.pk].contact, field.attname) == getattr(one.contact, field.attname), field


def test_a_clock_that_is_put_back_is_not_kept() -> None:
    Topic.objects.create(key="news", name="News")
    clock = Statement(Topic.objects.values_list(DatabaseNow()))
    real = clock.read()[0][0]
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    with database_clock(moment):
        assert clock.read()[0][0] == moment
    assert clock.read()[0][0] >= real
