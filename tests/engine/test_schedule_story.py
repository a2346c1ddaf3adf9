"""A schedule comes due: fan-out, events, journeys, letters, in each contact's own time zone."""

from __future__ import annotations

import pytest
from django.core import mail

from tests.build import live_chain, make_contact, make_template
from tests.pure import utc
from triggers.models import EntryLedger, Event, Journey, Message
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

# A Tuesday; 10:00 in Berlin is 09:00 UTC, in New York 15:00 UTC.
TUESDAY = {"every": "week", "weekdays": [1], "at": "10:00"}
LETTER = [("letter", "send_email", {"template": "reminder"})]


def test_each_contact_at_ten_of_its_own_clock() -> None:
    make_template()
    berlin = make_contact(1, time_zone="Europe/Berlin")
    new_york = make_contact(2, time_zone="America/New_York")
    with database_clock(utc("2026-11-30 08:00")):
        live_chain(LETTER, entry_kind="schedule", entry_config=TUESDAY)
        run_due()
    assert not Event.objects.filter(name="schedule_due").exists()
    with database_clock(utc("2026-12-01 09:00")):
        run_due()
    assert list(Journey.objects.values_list("contact", flat=True)) == [berlin.pk]
    assert [letter.to for letter in mail.outbox] == [["person1@example.com"]]
    with database_clock(utc("2026-12-01 15:00")):
        run_due()
        run_due()
    assert sorted(Journey.objects.values_list("contact", flat=True)) == [berlin.pk, new_york.pk]
    assert Message.objects.count() == EntryLedger.objects.count() == 2
