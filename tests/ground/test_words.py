"""Stored reasons in the reader's language, whatever an older release or a shop put into them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from triggers.core.words import say


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("Goal reached: %(event)s", {"event": "purchase"}, "Goal reached: purchase"),
        ("found: %(seen)s", {"seen": None}, "found: nothing"),
        ("found: %(seen)s", {"seen": ""}, "found: nothing"),
        ("found: %(seen)s", {"seen": []}, "found: nothing"),
        ("found: %(seen)s", {"seen": 0}, "found: 0"),
        ("found: %(seen)s", {"seen": True}, "found: yes"),
        ("found: %(seen)s", {"seen": ["a", False, None]}, "found: a, no, nothing"),
        ("If %(inner)s?", {"inner": {"text": "tag %(tag)s", "data": {"tag": "vip"}}}, "If tag vip?"),
        ("If %(inner)s?", {"inner": {"text": "always"}}, "If always?"),
        ("100 % sure", {}, "100 % sure"),
        ("%(missing)s", {}, "%(missing)s"),
        ("%(until_at)s", {"until_at": "not a moment"}, "%(until_at)s"),
        ("%(seen)s", {"seen": {"text": 5}}, "%(seen)s"),
        ("%(seen)s", {"seen": {"text": "x", "data": None}}, "x"),
        ("%(seen)s", {"seen": [{"text": "%(seen)s", "data": []}]}, "%(seen)s"),
        ("", {}, ""),
    ],
)
def test_sentences(text: str, data: dict[str, Any], expected: str) -> None:
    assert say(text, data) == expected


def test_moments_are_shown_in_the_readers_zone() -> None:
    data = {"until_at": "2026-03-02T12:00:00+00:00"}
    assert say("%(until_at)s", data, ZoneInfo("Europe/Berlin")) == "March 2, 2026, 1 p.m."
    with timezone.override("Asia/Tokyo"):
        assert say("%(until_at)s", data) == "March 2, 2026, 9 p.m."


def test_the_readers_language() -> None:
    with translation.override("ru"):
        assert "марта" in say("%(until_at)s", {"until_at": "2026-03-02T12:00:00+00:00"}).lower()
