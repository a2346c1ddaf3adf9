"""Fan-outs in the admin and on the health page; contacts put into chains by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.heartbeat import beat
from triggers.models import Contact, Event, Fanout, Segment
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

WAIT = [("wait", "wait", {"amount": 1, "unit": "hours"})]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("boss", "boss@example.com"))
    return client


def fanout(**fields: Any) -> Fanout:
    now = timezone.now()
    given: dict[str, Any] = {
        "kind": "schedule",
        "config": {"every": "day", "at": "10:00"},
        "zone": "Europe/Berlin",
    }
    given |= {"trigger": "x", "slot": "2026-06-01T10:00", "due_at": now, "next_at": now}
    return Fanout.objects.create(**(given | fields))


def test_they_are_listed_and_shown(boss: Client) -> None:
    one = fanout(entered=1234)
    listed = boss.get(reverse("admin:triggers_fanout_changelist")).content.decode()
    for text in ("Every day at 10:00", "Europe/Berlin", "2026-06-01 10:00", "1234", "under way"):
        assert text in listed
    shown = boss.get(reverse("admin:triggers_fanout_change", args=[one.pk])).content.decode()
    assert "Every day at 10:00" in shown
    assert "_save" not in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "failed", "error": "x"}, "it failed"),
        ({"state": "skipped", "ended_at": timezone.now()}, "came too late and was left out"),
        ({"next_at": timezone.now() - timedelta(hours=1)}, "has been waiting to be given out"),
        ({"state": "skipped", "ended_at": timezone.now() - timedelta(days=2)}, ""),
        ({"state": "done"}, ""),
        ({}, ""),
    ],
)
def test_the_health_page_names_those_in_trouble(boss: Client, fields: dict[str, Any], said: str) -> None:
    beat("tick")
    fanout(**fields)
    page = boss.get(reverse("admin:triggers_heartbeat_changelist")).content.decode()
    assert ("2026-06-01T10:00" in page) is bool(said)
    assert said in page


def test_the_health_page_names_chains_that_feed_each_other(boss: Client) -> None:
    beat("circle", detail="sale_started #7")
    assert (
        "Chains feed each other: sale_started #7"
        in boss.get(reverse("admin:triggers_heartbeat_changelist")).content.decode()
    )


def test_a_failed_one_goes_on(boss: Client) -> None:
    one = fanout(state="failed", error="boom", after_id=7)
    data = {"action": "go_on", "_selected_action": [one.pk]}
    boss.post(reverse("admin:triggers_fanout_changelist"), data)
    one.refresh_from_db()
    assert (one.state, one.error, one.after_id) == ("running", "", 7)


class TestContacts:
    @pytest.fixture(autouse=True)
    def _chain(self) -> None:
        live_chain(WAIT, key="campaign", entry_kind="manual", entry_config={})
        for number in range(3):
            make_contact(number)

    def post(self, client: Client, **data: Any) -> Any:
        chosen = list(Contact.objects.order_by("pk").values_list("pk", flat=True)[:2])
        given = {"action": "put_into_chain", "_selected_action": chosen, "index": 0, **data}
        return client.post(reverse("admin:triggers_contact_changelist"), given)

    def test_it_asks_first_and_then_does_it_once(self, boss: Client) -> None:
        page = self.post(boss).content.decode()
        assert "2 contacts are chosen" in page
        assert "Put 2 contacts in" in page
        for _twice in range(2):
            self.post(boss, chain="campaign", confirmed="1", once="abc")
            run_due()
        events = Event.objects.filter(name="put_into_chain")
        assert events.count() == 4
        assert {event.contact.journeys.count() for event in events} == {1}

    def test_everybody_that_the_list_shows(self, boss: Client) -> None:
        self.post(boss, chain="campaign", confirmed="1", once="abc", select_across="1")
        assert Event.objects.filter(name="put_into_chain").count() == 3

    @pytest.mark.parametrize("chain", ["", "gone", "campaign\0"])
    def test_a_chain_that_is_not_live_is_asked_for_again(self, boss: Client, chain: str) -> None:
        assert "2 contacts are chosen" in self.post(boss, chain=chain, confirmed="1").content.decode()
        assert not Event.objects.filter(name="put_into_chain").exists()

    def test_it_takes_the_right(self, client: Client) -> None:
        user = get_user_model().objects.create_user("mo", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="change_contact"))
        client.force_login(user)
        self.post(client, chain="campaign", confirmed="1", once="abc")
        assert not Event.objects.filter(name="put_into_chain").exists()


class TestSegments:
    URL = "admin:triggers_chain_enter"

    @pytest.fixture
    def url(self) -> str:
        rule = {"kind": "contact_field", "field": "language", "value": "de"}
        Segment.objects.create(key="german", name="German", rule=rule)
        make_contact(1, language="de")
        make_contact(2, language="fr")
        chain = live_chain(WAIT, key="campaign", entry_kind="manual", entry_config={})
        return reverse(self.URL, args=[chain.pk])

    def test_it_counts_asks_and_lets_in(self, boss: Client, url: str) -> None:
        assert "How many are they?" in boss.get(url).content.decode()
        assert "1 contact belongs to it now." in boss.post(url, {"segment": "german"}).content.decode()
        for _twice in range(2):
            boss.post(url, {"segment": "german", "confirmed": "1", "once": "abc"})
        run_due()
        assert Event.objects.filter(name="put_into_chain").count() == 1

    @pytest.mark.parametrize("segment", ["", "gone", "x\0"])
    def test_a_segment_that_is_not_there(self, boss: Client, url: str, segment: str) -> None:
        page = boss.post(url, {"segment": segment, "confirmed": "1"})
        assert page.status_code == 200
        assert not Fanout.objects.exists()

    def test_it_takes_the_right(self, client: Client, url: str) -> None:
        user = get_user_model().objects.create_user("mo", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="publish_chain"))
        client.force_login(user)
        assert client.get(url).status_code == 403


@pytest.mark.parametrize(
    ("kind", "trigger", "sentence"),
    [
        ("schedule", {"every": "week", "weekdays": "1", "at": "10:00"}, "Every week on Tuesday at 10:00"),
        (
            "personal_date",
            {"field": "birthday", "days": "7", "side": "before", "at": "09:00", "leap_day": "mar1"},
            "7 days before birthday at 09:00",
        ),
        ("inactivity", {"what": "order", "days": "60", "at": "10:00"}, "When there was no order for 60 days"),
        (
            "calendar",
            {"dates": "03-08", "days": "1", "side": "before", "at": "10:00"},
            "1 days before 03-08 at 10:00",
        ),
        ("announcement", {"event": "sale_started"}, "When the shop announces sale_started"),
        (
            "goods",
            {
                "change": "price_drop",
                "interests": "view_item",
                "days": "30",
                "least_percent": "5",
                "rest_days": "1",
            },
            "When goods of interest within 30 days got cheaper",
        ),
        ("manual", {}, "When somebody puts a contact into it"),
    ],
)
def test_each_kind_is_drawn_in_the_chains_form(
    boss: Client, kind: str, trigger: dict[str, str], sentence: str
) -> None:
    make_template()
    chain = draft_chain(WAIT)
    page = reverse("admin:triggers_chain_change", args=[chain.pk])
    seen = boss.get(page).context["seen"]
    data = {
        "name": "X",
        "entry_kind": kind,
        "seen": seen,
        "rules-TOTAL_FORMS": 0,
        "rules-INITIAL_FORMS": 0,
        "priority": 0,
    }
    answer = boss.post(page, data | {f"trigger-{name}": value for name, value in trigger.items()})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    shown = boss.get(page).content.decode()
    assert sentence in shown
    publish = boss.get(reverse("admin:triggers_chain_publish", args=[chain.pk])).content.decode()
    assert ("It comes next on" in publish) is (
        kind in ("schedule", "personal_date", "inactivity", "calendar")
    )
