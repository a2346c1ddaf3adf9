"""Who may call what: keys are digests here, refused in one form, and scoped."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.api.conftest import ADDRESS, Caller, login
from triggers.models import ApiKey, Event, KeyKind


def test_only_a_digest_is_stored(caller: Caller) -> None:
    stored = " ".join(str(value) for value in ApiKey.objects.values().get().values())
    assert caller.text not in stored
    assert caller.text.rpartition("_")[2] not in stored
    assert caller.text.startswith(caller.key.prefix)


WRONG = [
    "",
    "Bearer",
    "Bearer x",
    "Basic dXNlcjpwYXNz",
    "Bearer " + "x" * 100_000,
    "Bearer \x00",
    "bearer {}",
    "Bearer {}x",
]


@pytest.mark.parametrize(
    "given", [*WRONG, "revoked", "other's secret", "unknown prefix"], ids=lambda text: text[:20]
)
def test_wrong_keys_all_look_alike(caller: Caller, given: str) -> None:
    """The same words after the same work: one look at the table and one digest."""
    prefix, secret = caller.text[:12], caller.text[13:]
    if given == "revoked":
        ApiKey.objects.update(revoked_at=timezone.now())
        given = "Bearer {}"
    if given == "other's secret":
        given = f"Bearer {prefix}_{Caller().text[13:]}"
    if given == "unknown prefix":
        given = f"Bearer trg_aaaaaaaa_{secret}"
    with CaptureQueriesContext(connection) as queries:
        answer = caller.post("events", login(), authorization=given.replace("{}", caller.text))
    assert answer.status_code == 401
    assert json.loads(answer.content) == {
        "error": {"field": "Authorization", "message": "no key that is valid"}
    }
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert len(queries) == 1
    assert not Event.objects.exists()


def test_the_body_of_a_stranger_is_not_even_read(caller: Caller) -> None:
    assert caller.post("events", "[" * 2_000_000, authorization="Bearer no").status_code == 401


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ("events", {"events": []}),
        ("contacts", {"may_write_contacts": False}),
        ("events", {"kind": KeyKind.BROWSER}),
        ("contacts", {"kind": KeyKind.BROWSER}),
    ],
)
def test_calls_beyond_the_keys_scope(caller: Caller, where: str, fields: dict[str, Any]) -> None:
    answer = Caller(**fields).post(where, login())
    assert answer.status_code == 403
    assert json.loads(answer.content)["error"]["field"] == "Authorization"


def test_events_beyond_the_keys_scope(caller: Caller) -> None:
    narrow = Caller(events=["login"])
    taken, refused = narrow.results("events", {"events": [login(), login(name="purchase")]})
    assert taken["status"] == "accepted"
    assert refused["error"] == {"field": "name", "message": "this key may not send this event"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"first_name": "Ann"}, "first_name"),
        ({"phone": "+12025550123"}, "phone"),
        ({"attributes": {}}, "attributes"),
    ],
)
def test_contacts_beyond_the_keys_scope(caller: Caller, more: dict[str, Any], field: str) -> None:
    narrow = Caller(may_write_contacts=False)
    who = {"email": "ann@example.com"}
    taken, refused = narrow.results("events", {"events": [login(), login(contact={**who, **more})]})
    assert taken["status"] == "accepted"
    assert refused["error"] == {"field": f"contact.{field}", "message": "this key may not write contacts"}


def test_two_live_at_once(caller: Caller) -> None:
    other = Caller()
    for one in (caller, other):
        assert one.results("events", login())[0]["status"] == "accepted"
    ApiKey.objects.filter(pk=caller.key.pk).update(revoked_at=timezone.now())
    assert caller.post("events", login()).status_code == 401
    assert other.post("events", login()).status_code == 200


def test_cookies_do_not_count(caller: Caller) -> None:
    caller.client.force_login(User.objects.create_superuser("boss", "boss@example.com"))
    assert caller.post("events", login(), authorization="").status_code == 401


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ]
)
def test_it_is_reachable_where_everything_else_needs_a_login(caller: Caller) -> None:
    assert caller.post("events", login()).status_code == 200
    assert caller.client.get(f"{ADDRESS}openapi.json").status_code == 200


def test_no_page_elsewhere_may_read_the_answer(caller: Caller) -> None:
    answer = caller.post("events", login(), origin="https://evil.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    preflight = caller.client.options(f"{ADDRESS}events", headers={"origin": "https://evil.example"})
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]
    assert "no-store" in answer["Cache-Control"]


def test_the_hour_of_the_last_use(caller: Caller) -> None:
    caller.post("events", login())
    first = ApiKey.objects.get().last_used_at
    assert first
    caller.post("events", login())
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(hours=2))
    caller.post("events", login())
    assert ApiKey.objects.filter(last_used_at__gt=first - timedelta(hours=1)).exists()


@pytest.fixture
def _three_a_minute(settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "API_CALLS_PER_MINUTE": 3}


@pytest.mark.usefixtures("_three_a_minute")
def test_calls_in_a_minute(caller: Caller) -> None:
    import time_machine as clock

    with clock.travel(timezone.now().replace(second=10), tick=False):
        assert [caller.post("events", login()).status_code for _call in range(4)] == [200, 200, 200, 429]
        answer = caller.post("events", login())
        assert answer["Retry-After"] == "50"
        assert Caller().post("events", login()).status_code == 200
    with clock.travel(timezone.now().replace(second=10) + timedelta(minutes=1)):
        assert caller.post("events", login()).status_code == 200


@override_settings(
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
)
def test_a_cache_that_is_away_stops_nobody(db: None) -> None:
    assert Caller().post("events", login()).status_code == 200
