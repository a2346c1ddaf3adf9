"""Each way to start a chain without an event of the contact's own, from the moment it comes due to the letter."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.pure import utc
from triggers.engine.forecast import forecast
from triggers.entries import entries
from triggers.exceptions import InvalidEvent
from triggers.models import (
    Chain,
    Contact,
    Event,
    Fanout,
    Journey,
    Message,
    PendingEvent,
    Transition,
)
from triggers.shop import ShopAdapter
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

LETTER = [("letter", "send_email", {"template": "reminder"})]
START = utc("2026-05-01 08:00")


def live(kind: str, config: dict[str, Any], steps: Any = LETTER, key: str = "chain") -> Chain:
    if not Message.objects.exists() and key == "chain":
        make_template()
    with database_clock(START):
        return live_chain(steps, key=key, entry_kind=kind, entry_config=config)


def run_at(text: str) -> list[str]:
    """Who got a letter until now, after everything that is due at this moment."""
    with database_clock(utc(text)):
        run_due()
    return [letter.to[0].partition("@")[0] for letter in mail.outbox]


def heard(contact: Contact, name: str, moment: str, **data: Any) -> None:
    at = utc(moment)
    Event.objects.create(contact=contact, name=name, occurred_at=at, recorded_at=at, data=data)


def looked_at(contact: Contact, moment: str, *items: dict[str, Any], name: str = "view_item") -> None:
    heard(contact, name, moment, items=list(items))


class TestBirthday:
    """Seven days before at nine: an offer, and the greeting on the day itself."""

    CONFIG = {"field": "birthday", "days": -7, "at": "09:00"}
    STEPS = [
        ("offer", "send_email", {"template": "reminder"}),
        ("week", "wait", {"amount": 7, "unit": "days"}),
        ("greeting", "send_email", {"template": "reminder"}),
    ]

    def test_it_walks(self) -> None:
        make_contact(1, birthday=date(1990, 5, 20), time_zone="Europe/Berlin")
        make_contact(2, birthday=date(1990, 5, 21))
        live("personal_date", self.CONFIG, self.STEPS)
        assert run_at("2026-05-13 06:59") == []
        assert run_at("2026-05-13 07:00") == ["person1"]
        assert run_at("2026-05-14 09:00") == ["person1", "person2"]
        assert run_at("2026-05-20 07:00") == ["person1", "person2", "person1"]
        assert run_at("2027-05-13 07:00").count("person1") == 3

    def test_a_birthday_entered_late_joins_at_the_right_step(self) -> None:
        """Three days before: the offer is too late, and the greeting comes on the day."""
        live("personal_date", self.CONFIG, self.STEPS)
        run_at("2026-05-16 09:00")
        make_contact(1, birthday=date(1990, 5, 20))
        assert run_at("2026-05-17 09:00") == []
        late = Transition.objects.get(step="offer")
        assert (late.reason, late.data) == ("Not sent: %(hours)s h late", {"hours": 96.0})
        assert Journey.objects.get().due_at == utc("2026-05-20 09:00")
        assert run_at("2026-05-18 09:00") == []
        assert Event.objects.filter(name="personal_date_due").count() == 1
        assert run_at("2026-05-20 09:00") == ["person1"]

    def test_a_date_in_the_attributes_once(self) -> None:
        for number, text in enumerate(["2026-05-20", "2025-05-20", "20 May", "", None, 7, "x-05-20"]):
            make_contact(number, attributes={"renewal": text})
        live("personal_date", {"field": "attributes.renewal", "days": -1, "at": "09:00", "is_yearly": False})
        assert run_at("2026-05-19 09:00") == ["person0"]

    def test_a_date_in_the_attributes_every_year(self) -> None:
        for number, text in enumerate(["2026-05-20", "2025-05-20", "20 May", "x-05-20"]):
            make_contact(number, attributes={"renewal": text})
        live("personal_date", {"field": "attributes.renewal", "days": 1, "at": "09:00"})
        assert sorted(run_at("2026-05-21 09:00")) == ["person0", "person1"]

    @pytest.mark.parametrize(
        ("leap_day", "moments"),
        [("feb28", ["2027-02-28", "2028-02-29"]), ("mar1", ["2027-03-01", "2028-02-29"])],
    )
    def test_29_february(self, leap_day: str, moments: list[str]) -> None:
        make_contact(1, birthday=date(1992, 2, 29))
        live("personal_date", {"field": "birthday", "at": "09:00", "leap_day": leap_day})
        day, hit = datetime(2027, 2, 26), []
        while day < datetime(2028, 3, 3):
            sent = len(mail.outbox)
            if len(run_at(f"{day:%Y-%m-%d} 09:00")) > sent:
                hit.append(f"{day:%Y-%m-%d}")
            day += timedelta(days=300 if (day.month, day.day) == (3, 3) else 1)
            day = max(day, datetime(2028, 2, 27)) if day > datetime(2027, 3, 4) else day
        assert hit == moments


class TestSilence:
    CONFIG = {"events": ["purchase"], "days": 30, "at": "10:00"}

    def test_once_for_each_spell(self) -> None:
        contact = make_contact()
        live("inactivity", self.CONFIG)
        heard(contact, "purchase", "2026-05-02 12:00")
        heard(contact, "page_view", "2026-05-20 12:00")
        assert run_at("2026-06-01 10:00") == []
        assert run_at("2026-06-02 10:00") == ["person1"]
        for day in range(3, 9):
            assert run_at(f"2026-06-{day:02} 10:00") == ["person1"]
        heard(contact, "purchase", "2026-06-10 12:00")
        assert run_at("2026-07-10 10:00") == ["person1"]
        assert run_at("2026-07-11 10:00") == ["person1", "person1"]

    def test_it_looks_back_only_when_asked(self) -> None:
        silent, never = make_contact(1), make_contact(2)
        heard(silent, "purchase", "2025-01-01 12:00")
        heard(never, "page_view", "2025-01-01 12:00")
        live("inactivity", self.CONFIG)
        assert run_at("2026-05-01 10:00") == []
        live("inactivity", self.CONFIG | {"is_retroactive": True}, key="back")
        assert run_at("2026-05-02 10:00") == ["person1"]
        assert run_at("2026-05-03 10:00") == ["person1"]
        assert Event.objects.filter(name="became_inactive").count() == 1


class TestCalendar:
    def test_days_before_year_after_year(self) -> None:
        make_contact()
        live("calendar", {"dates": ["06-01", "2026-06-20"], "days": -1, "at": "10:00"})
        assert run_at("2026-05-30 10:00") == []
        assert len(run_at("2026-05-31 10:00")) == 1
        assert len(run_at("2026-06-19 10:00")) == 2
        assert len(run_at("2027-05-31 10:00")) == 3
        assert len(run_at("2027-06-19 10:00")) == 3

    def test_a_holiday(self) -> None:
        pytest.importorskip("holidays")
        make_contact()
        live("calendar", {"country": "DE", "holiday": "Ascension Day", "at": "10:00"})
        assert run_at("2026-05-13 10:00") == []
        assert len(run_at("2026-05-14 10:00")) == 1


class TestAnnouncement:
    def test_a_sale(self) -> None:
        make_contact(1)
        make_contact(2)
        live(
            "announcement",
            {"event": "sale_started", "filters": [{"path": "percent", "op": "gte", "value": 20}]},
        )
        with database_clock(START + timedelta(hours=1)):
            assert triggers.announce("sale_started", data={"percent": 10}) == 0
            assert triggers.announce("other", data={"percent": 30}) == 0
            assert triggers.announce("sale_started", data={"percent": 30}, object_ref="sale:1") == 1
            assert triggers.announce("sale_started", data={"percent": 30}, object_ref="sale:1") == 1
        assert sorted(run_at("2026-05-01 09:00")) == ["person1", "person2"]
        event = Event.objects.filter(name="sale_started").earliest("pk")
        assert (event.data["percent"], event.object_ref) == (30, "sale:1")
        assert Fanout.objects.count() == 1

    @pytest.mark.parametrize("bad", [{"name": "Sale!"}, {"data": {"x": object()}}, {"object_ref": "x" * 101}])
    def test_nonsense_is_logged_and_harms_nobody(self, bad: dict[str, Any], caplog: Any) -> None:
        assert triggers.announce(**({"name": "sale_started"} | bad)) == 0
        assert "event.not_captured" in caplog.text

    def test_what_chains_cause_comes_to_an_end(self, caplog: Any) -> None:
        make_contact()
        live("announcement", {"event": "sale_started"})
        with database_clock(START + timedelta(hours=1)):
            triggers.announce("sale_started", depth=6)
        assert run_at("2026-05-01 09:00") == []
        assert Event.objects.get(name="sale_started").depth == 6
        assert not PendingEvent.objects.exists()
        assert "event.goes_in_circles" in caplog.text


class TestByHand:
    def test_any_live_chain(self) -> None:
        live("manual", {})
        one, two = make_contact(1), make_contact(2)
        with database_clock(START + timedelta(minutes=1)):
            assert triggers.enter("chain", [one, "person2@example.com", two, None]) == 2
        assert sorted(run_at("2026-05-01 08:02")) == ["person1", "person2"]
        assert Event.objects.filter(name="put_into_chain").count() == 2

    def test_a_chain_with_a_trigger_of_its_own(self) -> None:
        live("event", {"event": "add_to_cart"})
        live("event", {"event": "add_to_cart"}, key="other")
        make_contact()
        with database_clock(START + timedelta(minutes=1)):
            triggers.enter("chain", Contact.objects.all(), object_ref="cart:7")
        run_at("2026-05-01 08:02")
        journey = Journey.objects.get()
        assert (journey.chain.key, journey.object_ref) == ("chain", "cart:7")

    def test_once_with_a_key(self) -> None:
        live("manual", {})
        make_contact()
        for minute in (1, 2):
            with database_clock(START + timedelta(minutes=minute)):
                triggers.enter("chain", Contact.objects.all(), key="campaign 7")
            run_at(f"2026-05-01 08:0{minute}")
        assert Journey.objects.count() == 1
        with database_clock(START + timedelta(minutes=3)):
            triggers.enter("chain", Contact.objects.all())
        run_at("2026-05-01 08:03")
        assert Journey.objects.count() == 2

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("gone", []), "no live chain 'gone'"),
            (("chain", [], {"key": "x" * 81}), "key"),
            (("chain", [], {"object_ref": "x" * 101}), "object_ref"),
            (("chain", [], {"data": {"x": object()}}), "data.x"),
        ],
    )
    def test_nonsense_is_named(self, arguments: tuple[Any, ...], named: str) -> None:
        live("manual", {})
        key, contacts, *options = arguments
        with pytest.raises(InvalidEvent, match=named):
            triggers.enter(key, contacts, **(options[0] if options else {}))
        assert not Event.objects.filter(name="put_into_chain").exists()

    def test_a_segment(self) -> None:
        from triggers.models import Segment

        Segment.objects.create(
            key="german", name="German", rule={"kind": "contact_field", "field": "language", "value": "de"}
        )
        live("manual", {})
        make_contact(1, language="de")
        make_contact(2, language="fr")
        with database_clock(START + timedelta(minutes=1)):
            triggers.enter_segment("chain", "german", key="spring")
            triggers.enter_segment("chain", "german", key="spring")
        assert run_at("2026-05-01 08:02") == ["person1"]
        assert Fanout.objects.get().state == "done"


class StockedShop(ShopAdapter):
    left = {"lamp": 3, "sofa": 0}

    def stock(self, refs: Any) -> dict[str, int]:
        return {ref: self.left[ref] for ref in refs if ref in self.left}


class TestGoods:
    LAMP = {"item_id": "lamp", "item_category": "Lamps", "price": 100}

    def test_cheaper_than_they_saw_it(self) -> None:
        for number, price in enumerate([100, 81, 80, None]):
            looked_at(make_contact(number), "2026-04-20 12:00", {"item_id": "lamp", "price": price})
        live("goods", {"change": "price_drop", "least_percent": 5})
        with database_clock(START + timedelta(hours=1)):
            assert triggers.goods_changed("price_drop", [{"item_id": "lamp", "price": 80, "was": 90}]) == 1
        assert run_at("2026-05-01 09:00") == ["person0", "person3"]
        event = Event.objects.filter(name="price_drop").earliest("pk")
        assert event.data["items"] == [{"item_id": "lamp", "price": 80, "was": 90, "seen_price": 100}]

    def test_who_is_told(self) -> None:
        looked_at(make_contact(1), "2026-04-20 12:00", self.LAMP, name="stock_subscribed")
        looked_at(make_contact(2), "2026-03-20 12:00", self.LAMP, name="stock_subscribed")
        looked_at(
            make_contact(3), "2026-04-20 12:00", self.LAMP | {"item_id": "lamp-2"}, name="stock_subscribed"
        )
        looked_at(make_contact(4), "2026-04-20 12:00", self.LAMP)
        live("goods", {"change": "back_in_stock", "interests": ["stock_subscribed"]})
        with database_clock(START + timedelta(hours=1)):
            triggers.goods_changed("back_in_stock", [self.LAMP])
        assert run_at("2026-05-01 09:00") == ["person1"]

    def test_the_shelf_is_looked_at_again(self, settings: Any) -> None:
        settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.StockedShop"}
        looked_at(make_contact(1), "2026-04-20 12:00", {"item_id": "sofa"})
        looked_at(make_contact(2), "2026-04-20 12:00", self.LAMP)
        live("goods", {"change": "back_in_stock"})
        with database_clock(START + timedelta(hours=1)):
            triggers.goods_changed("back_in_stock", [{"item_id": "sofa"}, {"item_id": "lamp"}])
        assert run_at("2026-05-01 09:00") == ["person2"]

    def test_a_shop_that_is_down_is_asked_again(self, settings: Any, monkeypatch: Any) -> None:
        settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.StockedShop"}
        looked_at(make_contact(1), "2026-04-20 12:00", self.LAMP)
        live("goods", {"change": "back_in_stock"})
        with monkeypatch.context() as broken, database_clock(START + timedelta(hours=1)):
            broken.setattr(StockedShop, "left", None)
            triggers.goods_changed("back_in_stock", [{"item_id": "lamp"}])
            run_due()
        assert run_at("2026-05-01 09:00") == []
        assert run_at("2026-05-01 09:01") == ["person1"]

    def test_new_in_a_category(self) -> None:
        looked_at(make_contact(1), "2026-04-20 12:00", self.LAMP)
        looked_at(make_contact(2), "2026-04-20 12:00", {"item_id": "x", "item_category": "Sofas"})
        live("goods", {"change": "new_in_category"})
        with database_clock(START + timedelta(hours=1)):
            triggers.goods_changed("new_in_category", [{"item_id": "new", "item_category": "Lamps"}])
        assert run_at("2026-05-01 09:00") == ["person1"]

    def test_at_most_once_a_day(self) -> None:
        looked_at(make_contact(1), "2026-04-20 12:00", self.LAMP)
        live("goods", {"change": "low_stock"})
        for hours in (1, 2, 24, 26):
            with database_clock(START + timedelta(hours=hours)):
                triggers.goods_changed("low_stock", [self.LAMP])
                run_due()
        assert Event.objects.filter(name="low_stock").count() == 2

    def test_more_goods_than_are_searched_for(self) -> None:
        looked_at(make_contact(1), "2026-04-20 12:00", {"item_id": "lamp-49"}, {"item_id": "lamp-7"})
        live("goods", {"change": "low_stock"})
        with database_clock(START + timedelta(hours=1)):
            triggers.goods_changed("low_stock", [{"item_id": f"lamp-{number}"} for number in range(60)])
        assert run_at("2026-05-01 09:00") == ["person1"]
        items = Event.objects.get(name="low_stock").data["items"]
        assert {one["item_id"] for one in items} == {"lamp-49", "lamp-7"}

    @pytest.mark.parametrize(
        ("change", "items"),
        [
            ("sold", [{"item_id": "x"}]),
            ("low_stock", []),
            ("low_stock", [{}]),
            ("low_stock", [{"item_id": 7}]),
        ],
    )
    def test_nonsense_is_logged_and_harms_nobody(self, change: str, items: Any, caplog: Any) -> None:
        assert triggers.goods_changed(change, items) == 0
        assert "event.not_captured" in caplog.text


class TestForecast:
    @pytest.mark.parametrize(
        ("kind", "config", "wall", "count"),
        [
            ("schedule", {"every": "week", "weekdays": [1], "at": "10:00"}, "2026-05-05 10:00", 3),
            ("personal_date", {"field": "birthday", "at": "09:00"}, "2026-05-01 09:00", 1),
            ("inactivity", {"events": ["login"], "days": 30}, "2026-05-01 10:00", 0),
            ("inactivity", {"events": ["login"], "days": 30, "is_retroactive": True}, "2026-05-01 10:00", 2),
            ("calendar", {"dates": ["2020-01-01"], "at": "10:00"}, None, 0),
        ],
    )
    def test_how_many_would_enter(
        self, kind: str, config: dict[str, Any], wall: str | None, count: int
    ) -> None:
        heard(make_contact(1, birthday=date(1990, 5, 1)), "login", "2026-01-01 10:00")
        heard(make_contact(2, time_zone="Asia/Tokyo"), "login", "2026-01-01 10:00")
        make_contact(3)
        entry = entries.get(kind)
        with database_clock(START):
            found = forecast(entry, entry.parse(config))
        assert found
        assert (found.wall and f"{found.wall:%Y-%m-%d %H:%M}", found.contacts) == (wall, count)

    def test_none_for_what_nobody_can_foresee(self) -> None:
        entry = entries.get("event")
        assert forecast(entry, entry.parse({"event": "login"})) is None
