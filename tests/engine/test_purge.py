"""Deleting by age takes what nobody needs, and nothing else."""

from __future__ import annotations

import threading
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.engine import purge as module
from triggers.engine.purge import LEAST_DAYS, longest_window, purge, read_retention
from triggers.engine.turn import turn
from triggers.engine.versions import forget_graphs
from triggers.exceptions import TriggersError
from triggers.models import (
    ChainVersion,
    Contact,
    EntryLedger,
    Event,
    EventDay,
    FrequencyCap,
    Journey,
    Message,
    MessageBody,
    PendingEvent,
    SendingRule,
    Transition,
)
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)
STEPS = [("letter", "send_email", {"template": "reminder"})]
WAITS = [*STEPS, ("wait", "wait", {"amount": 3, "unit": "days"})]


@pytest.fixture
def keep(settings: Any) -> Any:
    """`keep(events=400, …)` sets RETENTION."""

    def set_days(**days: float | None) -> None:
        settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": days}

    return set_days


@pytest.fixture
def everything(keep: Any) -> None:
    keep(events=100, event_days=None, journeys=100, messages=100, bodies=30)


def story(steps: list[Any] = STEPS, **options: Any) -> Contact:
    """A contact whose journey through a chain began a year ago."""
    make_template()
    live_chain(steps, **options)
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    _age(YEAR)
    return contact


def _age(by: timedelta) -> None:
    moment = timezone.now() - by
    Event.objects.update(recorded_at=moment)
    Journey.objects.update(entered_at=moment)
    Journey.objects.filter(ended_at__isnull=False).update(ended_at=moment)
    Message.objects.update(created_at=moment)
    Message.objects.filter(accepted_at__isnull=False).update(sending_at=moment, accepted_at=moment)


def counts() -> tuple[int, ...]:
    models = (Event, Journey, Transition, Message, MessageBody)
    return tuple(model.objects.count() for model in models)


def test_nothing_goes_unless_it_is_said(keep: Any) -> None:
    story()
    before = counts()
    # Browsers of nobody go by themselves.
    assert purge().rows == {"visitors": 0}
    keep(events=None)
    assert purge().rows == {}
    assert counts() == before


def test_what_ended_long_ago_goes(everything: None) -> None:
    story()
    before = counts()
    assert min(before) > 0
    done = purge()
    assert done.is_done
    assert done.rows == {"bodies": 1, "messages": 1, "journeys": 1, "events": before[0]}
    assert counts() == (0, 0, 0, 0, 0)
    assert EntryLedger.objects.count() == 1
    assert purge().rows == dict.fromkeys(done.rows, 0)


def test_what_is_young_enough_stays(everything: None) -> None:
    story()
    _age(timedelta(days=99))
    before = counts()
    assert purge().rows == {"bodies": 1, "messages": 0, "journeys": 0, "events": 0}
    assert counts() == (*before[:4], 0)


def test_an_open_journey_keeps_what_it_may_ask_for(everything: None) -> None:
    contact = story(WAITS)
    before = counts()
    Event.objects.create(
        contact=contact, name="login", occurred_at=timezone.now(), recorded_at=timezone.now() - 2 * YEAR
    )
    purge()
    # Only what happened before the journey began, and the letter's text.
    assert counts() == (*before[:4], 0)
    assert not Event.objects.filter(name="login").exists()
    Journey.objects.update(status="paused", due_at=None)
    purge()
    assert counts() == (*before[:4], 0)


@pytest.mark.parametrize("state", ["queued", "held", "sending", "unknown"])
def test_a_message_that_waits_stays_with_its_journey_and_its_words(everything: None, state: str) -> None:
    story()
    Message.objects.update(state=state)
    before = counts()
    rows = purge().rows
    assert (rows["bodies"], rows["messages"], rows["journeys"]) == (0, 0, 0)
    assert rows["events"] == 0
    assert counts() == before


@pytest.mark.parametrize("state", ["failed", "expired"])
def test_a_letter_that_a_person_may_retry_keeps_what_it_is_checked_against(keep: Any, state: str) -> None:
    """Its journey has the goals, and what happened since it began says whether they were reached."""
    keep(events=100, journeys=100)
    story()
    Message.objects.update(state=state)
    before = counts()
    purge()
    assert counts() == before
    keep(events=100, journeys=100, messages=100)
    purge()
    assert counts() == (0, 0, 0, 0, 0)


def test_a_failed_journey_keeps_what_it_may_ask_for_once_it_is_retried(keep: Any) -> None:
    story()
    Journey.objects.update(status="failed")
    before = counts()
    keep(events=100, messages=100)
    purge()
    assert counts() == before
    keep(events=100, journeys=400, messages=100)
    purge()
    assert counts() == before
    keep(events=100, journeys=100, messages=100)
    purge()
    purge()
    assert counts() == (0, 0, 0, 0, 0)


def test_a_failed_journey_and_its_failed_letter_do_not_keep_each_other_for_ever(everything: None) -> None:
    story()
    Journey.objects.update(status="failed")
    Message.objects.update(state="failed")
    purge()
    assert counts() == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("moment", ["sending_at", "accepted_at"])
def test_a_letter_that_left_late_is_as_old_as_that(everything: None, moment: str) -> None:
    story()
    Message.objects.update(**{moment: timezone.now() - timedelta(days=20)})
    rows = purge().rows
    assert (rows["bodies"], rows["messages"]) == (0, 0)
    Message.objects.update(**{moment: timezone.now() - timedelta(days=50)})
    rows = purge().rows
    assert (rows["bodies"], rows["messages"]) == (1, 0)


def test_a_message_stays_as_long_as_a_cap_may_count_it(everything: None) -> None:
    story()
    rule = SendingRule.objects.create()
    FrequencyCap.objects.create(rule=rule, most=1, hours=24)
    longest = FrequencyCap.objects.create(rule=rule, most=9, hours=24 * 366)
    assert purge().rows["messages"] == 0
    longest.delete()
    assert purge().rows["messages"] == 1


def test_events_that_wait_stay(everything: None) -> None:
    triggers.capture("login", contact=make_contact(agrees=False))
    event = triggers.capture("login", contact=make_contact(2, agrees=False))
    assert event
    PendingEvent.objects.filter(pk=event.pk).update(is_set_aside=True)
    _age(YEAR)
    assert purge().rows["events"] == 0


def ask_for(**question: Any) -> list[Any]:
    asks = {"condition": {"kind": "event_happened", "event": "login", "days": 400, **question}}
    return [("ask", "condition", asks, {"yes": [("a", "exit", {})], "no": [("b", "exit", {})]})]


@pytest.mark.parametrize("question", [{"filters": [{"path": "size", "value": "L"}]}, {"same_object": True}])
def test_events_stay_as_long_as_a_published_chain_must_see_their_data(
    everything: None, question: dict[str, Any]
) -> None:
    story(ask_for(**question))
    assert longest_window(by_days=False) == 400
    assert purge().rows["events"] == 0
    _age(timedelta(days=401))
    assert purge().rows["events"] > 0


def test_events_that_are_only_counted_go_and_their_days_stay_as_long_as_a_chain_looks_back(keep: Any) -> None:
    keep(events=100, event_days=100)
    story(ask_for())
    assert (longest_window(by_days=False), longest_window(by_days=True)) == (0, 400)
    done = purge().rows
    assert (done["events"] > 0, done["event_days"]) == (True, 0)
    EventDay.objects.update(day=timezone.now().date() - timedelta(days=402))
    assert purge().rows["event_days"] > 0
    assert not EventDay.objects.exists()


@pytest.mark.parametrize(
    ("kind", "config", "days"),
    [
        ("inactivity", {"events": ["purchase"], "days": 180}, 182),
        ("inactivity", {"events": ["purchase"], "days": 180, "is_retroactive": True}, inf),
        ("goods", {"change": "price_drop", "days": 90}, 91),
        ("personal_date", {"field": "birthday", "days": -30, "at": "09:00"}, 32),
    ],
)
def test_events_stay_as_long_as_a_trigger_looks_back(kind: str, config: dict[str, Any], days: float) -> None:
    live_chain(WAITS[1:], entry_kind=kind, entry_config=config)
    assert longest_window(by_days=False) == days


@pytest.mark.parametrize(
    ("question", "days"),
    [
        (
            {
                "kind": "event_totals",
                "event": "purchase",
                "period": {"kind": "days", "days": 365},
                "at_least": 1,
            },
            365,
        ),
        ({"kind": "event_totals", "event": "purchase", "period": {"kind": "ever"}, "at_least": 1}, inf),
    ],
)
def test_events_stay_as_long_as_a_period_reaches(question: dict[str, Any], days: float) -> None:
    make_template()
    live_chain([("ask", "condition", {"condition": question}, {"yes": STEPS, "no": []})])
    assert longest_window(by_days=False) == pytest.approx(days)


def test_no_event_goes_while_a_chain_cannot_be_read(everything: None) -> None:
    story()
    ChainVersion.objects.update(definition={"steps": "nonsense"}, sha256="2" * 64)
    forget_graphs()
    assert longest_window(by_days=True) is None
    assert purge().rows["events"] == 0
    forget_graphs()


def test_slices_and_an_end_in_the_middle(everything: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    make_template()
    live_chain(STEPS)
    for number in range(7):
        triggers.capture("add_to_cart", contact=make_contact(number))
    run_due()
    _age(YEAR)
    first = purge(seconds=0)
    assert (first.rows, first.is_done) == ({"bodies": 2}, False)
    rounds = 0
    while not purge(seconds=0).is_done:
        rounds += 1
        assert rounds < 100
    assert counts() == (0, 0, 0, 0, 0)


def test_a_large_gap_of_kept_rows_does_not_hide_what_comes_after(
    everything: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    make_template()
    live_chain(STEPS)
    for number in range(7):
        triggers.capture("add_to_cart", contact=make_contact(number))
    run_due()
    _age(YEAR)
    kept = Message.objects.order_by("pk").values_list("pk", flat=True)[:5]
    Message.objects.filter(pk__in=list(kept)).update(state="unknown")
    assert purge().rows["messages"] == 2


@pytest.mark.only_on("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_works_on_is_left_for_the_next_time(keep: Any) -> None:
    keep(messages=100)
    story()
    found: list[dict[str, int]] = []

    def elsewhere() -> None:
        try:
            found.append(purge().rows)
        finally:
            connection.close()

    with transaction.atomic():
        Message.objects.select_for_update().get()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    assert found[0]["messages"] == 0
    assert purge().rows["messages"] == 1


def test_engine_and_purge_side_by_side(everything: None) -> None:
    """What is queued after an old story is not touched."""
    contact = story()
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    purge()
    run_due()
    assert Message.objects.get().state == "accepted"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        5,
        {"event": 5},
        {"events": 0},
        {"events": "400"},
        {"events": True},
        {"events": float("nan")},
        {"events": float("inf")},
        {"messages": 59},
        {"bodies": -1},
        {5: 5},
    ],
)
def test_bad_settings_delete_nothing(settings: Any, wrong: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": wrong}
    story()
    before = counts()
    with pytest.raises(TriggersError, match="RETENTION"):
        purge()
    with pytest.raises(CommandError, match="RETENTION"):
        call_command("triggers_purge", skip_checks=True)
    assert counts() == before


def test_a_part_of_the_kinds_may_be_named(keep: Any) -> None:
    keep(bodies=30)
    assert read_retention() == dict.fromkeys(LEAST_DAYS) | {"bodies": timedelta(days=30)}


def test_the_command(everything: None, capsys: pytest.CaptureFixture[str], keep: Any) -> None:
    story()
    call_command("triggers_purge", seconds=0)
    assert "There is more" in capsys.readouterr().out
    call_command("triggers_purge")
    said = capsys.readouterr().out
    assert "journeys: 1 deleted" in said
    assert "There is more" not in said
    keep()
    call_command("triggers_purge")
    assert "for ever" in capsys.readouterr().out
