"""Coming into a segment and leaving it, as a way into a chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.pure import event
from triggers.core.kinds import Admission
from triggers.core.words import say
from triggers.entries import entries
from triggers.entries.segment import SegmentEntryForm
from triggers.exceptions import InvalidConfig
from triggers.forms import FormContext

ENTRY = entries.get("segment")


@pytest.mark.parametrize(
    ("re_entry", "days", "expected"),
    [
        ("once", 0, Admission("")),
        ("every_time", 0, Admission("u-1")),
        ("every_days", 7, Admission("u-1", min_gap=timedelta(days=7))),
    ],
)
def test_ways_to_enter_again(re_entry: str, days: int, expected: Admission) -> None:
    config = ENTRY.parse({"segment": "vips", "re_entry": re_entry, "days": days})
    assert ENTRY.event_names(config) == ("segment_entered",)
    assert ENTRY.admit(config, event("segment_entered", data={"segment": "vips"}), 1.0) == expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("segment_left", {"segment": "vips"}),
        ("segment_entered", {"segment": "others"}),
        ("segment_entered", {}),
    ],
)
def test_no_other_change_and_no_other_segment(name: str, data: dict[str, Any]) -> None:
    assert ENTRY.admit(ENTRY.parse({"segment": "vips"}), event(name, data=data), 1.0) is None


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "segment"),
        ({"segment": ""}, "which segment"),
        ({"segment": "vips", "change": "seen"}, "change"),
        ({"segment": "vips", "re_entry": "restart"}, "re_entry"),
        ({"segment": "vips", "re_entry": "every_days"}, "how many days"),
        ({"segment": "vips", "event": "login"}, "event"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        ENTRY.parse(raw)


def test_the_form_gives_what_the_engine_reads() -> None:
    context = FormContext(segments=(("vips", "VIPs"),))
    post = {"segment": "vips", "change": "left", "re_entry": "every_days", "days": "30"}
    form = SegmentEntryForm(post, context=context)
    assert form.is_valid(), form.errors
    sentence = ENTRY.describe(ENTRY.parse(form.as_config()))
    assert say(sentence.text, sentence.data) == "When a contact leaves the segment “vips”"
    assert "segment" in SegmentEntryForm(post | {"segment": "gone"}, context=context).errors
    assert "days" in SegmentEntryForm(post | {"days": ""}, context=context).errors
