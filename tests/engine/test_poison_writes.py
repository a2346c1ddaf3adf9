"""A journey whose decision cannot be written takes none of its neighbours with it: they are decided anew, once."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.engine import advance
from triggers.engine.turn import turn
from triggers.models import Journey, Message

pytestmark = pytest.mark.django_db


def test_a_message_that_cannot_be_written_fails_alone() -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"})])
    people = [make_contact(number, pk=number * 64) for number in range(1, 8)]
    for contact in people:
        triggers.capture("add_to_cart", contact=contact)
    bad, written = people[3], advance._message_row

    def breaks(one: Any, *rest: Any) -> Any:
        if one.contact_id == bad.pk:
            raise ValueError("cannot be written")
        return written(one, *rest)

    with patch.object(advance, "_message_row", breaks):
        assert turn(0).is_done
    failed = Journey.objects.get(status="failed")
    assert failed.contact == bad
    assert "ValueError: cannot be written" in failed.error
    finished = Journey.objects.filter(status="finished")
    assert finished.count() == Message.objects.count() == len(people) - 1
    # Entered, queued the letter, reached the end.
    assert {journey.transitions.count() for journey in finished} == {3}
    assert failed.transitions.count() == 2
