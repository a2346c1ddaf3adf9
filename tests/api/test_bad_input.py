"""A19, A20, A21, A39: whatever comes, the answer names the field, and is never a 5xx."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import ADDRESS, Caller, login
from triggers.models import Contact, Event

DEEP = "[" * 1_100 + "]" * 1_100

BODIES = [
    (" ", 400),
    ("[]", 400),
    ("null", 400),
    ('"text"', 400),
    ("{", 400),
    ('{"events": []}', 400),
    ('{"events": {}}', 400),
    ('{"events": null}', 400),
    (json.dumps({"events": [login()], "more": 1}), 400),
    (json.dumps({"events": [login()] * 101}), 400),
    (DEEP, 400),
    ("[" * 500_000, 400),
    ('{"a":' * 1_100 + "1" + "}" * 1_100, 400),
    ('{"name": "login", "name": "purchase"}', 400),
    ('{"events": [{"data": {"x": 1, "x": 2}}]}', 400),
    ('{"events": [{"data": {"x": NaN}}]}', 400),
    ('{"events": [{"data": {"x": -Infinity}}]}', 400),
    (b"\xff\xfe{\x00}\x00", 400),
    (b'{"name": "\xe9"}', 400),
    (b"\xef\xbb\xbf{}", 400),
    (b"\x00", 400),
    ("x" * 1_048_577, 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("where", ["events", "contacts"])
def test_bodies_that_are_refused_whole(caller: Caller, where: str, body: Any, status: int) -> None:
    if isinstance(body, str):
        body = body.replace('{"events"', f'{{"{where}"')
    answer = caller.post(where, body)
    assert answer.status_code == status
    assert set(json.loads(answer.content)["error"]) == {"field", "message"}
    assert len(answer.content) < 500
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "multipart/form-data; boundary=x"}, 415),
        ({"content_type": ""}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 400),
        ({"content_type": "application/json; charset=windows-1251"}, 400),
        ({"content_type": 'application/json; charset="UTF-8"'}, 200),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "br"}, 415),
        ({"content-encoding": "identity"}, 200),
    ],
    ids=str,
)
def test_kinds_of_bodies(caller: Caller, headers: dict[str, str], status: int) -> None:
    assert caller.post("events", login(), **headers).status_code == status


def test_a_gzip_bomb_is_not_opened(caller: Caller) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert caller.post("events", bomb, **{"content-encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize("length", ["", "-1", "x", "9" * 5_000, "1e3"])
def test_lengths_that_are_none(caller: Caller, length: str) -> None:
    """Also a body that comes in chunks and never ends: it has no length."""
    answer = caller.client.generic(
        "POST",
        f"{ADDRESS}events",
        "{}",
        content_type="application/json",
        CONTENT_LENGTH=length,
        headers={"authorization": f"Bearer {caller.text}"},
    )
    assert answer.status_code in (411, 413)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_other_methods(caller: Caller, method: str) -> None:
    answer = getattr(caller.client, method)(f"{ADDRESS}events")
    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


def nested(levels: int) -> Any:
    value: Any = 1
    for _level in range(levels):
        value = {"a": value}
    return value


# One value of an event, as JSON text, and the field that the refusal names; None: it is taken.
VALUES = [
    ("data", '{"x": 1e400}', "data.x"),
    ("data", '{"x": -1e400}', "data.x"),
    ("data", '{"x": ' + "9" * 5_000 + "}", "data.x"),
    ("data", '{"x": -' + "9" * 5_000 + "}", "data.x"),
    ("data", '{"x": 9223372036854775808}', "data.x"),
    ("data", '{"x": 9223372036854775807}', None),
    ("data", '{"x": "\\ud800"}', None),
    ("data", '{"\\ud800": 1}', None),
    ("data", '{"x": "\\u0000"}', None),
    ("data", '{"\\u0000": 1}', "data"),
    ("data", '{"": 1}', "data"),
    ("data", json.dumps({f"k{number}": 1 for number in range(10_000)}), "data"),
    ("data", json.dumps({"x": nested(9)}), "data.x"),
    ("data", json.dumps({"x": nested(300)}), "data.x"),
    ("data", json.dumps({"x": "y" * 900_000}), "data.x"),
    ("data", json.dumps({"x": ["y" * 9_000] * 4}), "data"),
    ("data", "[]", "data"),
    ("data", '"x"', "data"),
    ("data", "5", "data"),
    ("name", '"Login"', "name"),
    ("name", '""', "name"),
    ("name", '"login\\n"', ""),
    ("name", json.dumps("a" * 65), "name"),
    ("name", json.dumps("a" * 900_000), "name"),
    ("name", "7", "name"),
    ("name", "null", "name"),
    ("name", '"\\ud800"', "name"),
    ("occurred_at", '"2026-01-01T00:00:00"', "occurred_at"),
    ("occurred_at", '"10000-01-01T00:00:00Z"', "occurred_at"),
    ("occurred_at", '"1969-12-31T23:59:59Z"', "occurred_at"),
    ("occurred_at", '"2999-01-01T00:00:00Z"', "occurred_at"),
    ("occurred_at", '"0001-01-01T00:00:00+14:00"', "occurred_at"),
    ("occurred_at", "1", "occurred_at"),
    ("occurred_at", '"yesterday"', "occurred_at"),
    ("object_ref", json.dumps("x" * 101), "object_ref"),
    ("object_ref", "17", "object_ref"),
    ("object_ref", '"cart:\\u0000\\ud800"', None),
    ("idempotency_key", '""', "idempotency_key"),
    ("idempotency_key", json.dumps("x" * 65), "idempotency_key"),
    ("idempotency_key", '"\\ud800\\u0000"', None),
    ("\\ud800", "1", ""),
    ("idempotency_key", "{}", "idempotency_key"),
    ("contact", "{}", "contact"),
    ("contact", '"ann@example.com"', "contact"),
    ("contact", "null", "contact"),
    ("contact", '{"emial": "a@example.com"}', "contact.emial"),
    ("contact", '{"email": "a@b.c, evil@example.com"}', "contact.email"),
    ("contact", json.dumps({"email": "a@" + "a." * 50_000}), "contact.email"),
    ("contact", json.dumps({"email": "x" * 900_000}), "contact.email"),
    ("contact", '{"email": "a\\u0000@example.com"}', "contact.email"),
    ("contact", '{"email": "a@exa\\nmple.com"}', "contact.email"),
    ("contact", '{"phone": "12"}', "contact.phone"),
    ("contact", '{"phone": "\\ud800\\ud800\\ud800"}', "contact.phone"),
    ("contact", '{"external_id": 5}', "contact.external_id"),
    ("contact", '{"external_id": ""}', "contact.external_id"),
    ("contact", '{"external_id": "\\u0000"}', "contact.external_id"),
    ("contact", json.dumps({"external_id": "x" * 65}), "contact.external_id"),
    ("contact", '{"external_id": "5", "first_name": "\\u202e\\u0000\\ud800"}', None),
    ("contact", json.dumps({"external_id": "5", "first_name": "x" * 151}), "contact.first_name"),
    ("contact", '{"external_id": "5", "time_zone": "../../etc/passwd"}', "contact.time_zone"),
    ("contact", '{"external_id": "5", "time_zone": "Nowhere/Here"}', "contact.time_zone"),
    ("contact", '{"external_id": "5", "time_zone": "\\u0000"}', "contact.time_zone"),
    ("contact", '{"external_id": "5", "language": "<script>"}', "contact.language"),
    ("contact", '{"external_id": "5", "birthday": "1990-02-30"}', "contact.birthday"),
    ("contact", '{"external_id": "5", "birthday": "0001-01-01"}', None),
    ("contact", '{"external_id": "5", "attributes": {"x": 1e400}}', "contact.attributes.x"),
    ("contact", json.dumps({"external_id": "5", "attributes": {"x": nested(9)}}), "contact.attributes.x"),
    ("contact", '{"external_id": "5", "consents": {}}', "contact.consents"),
    ("user_id", "5", "user_id"),
    ("__class__", "5", "__class__"),
]


@pytest.mark.parametrize(("name", "value", "field"), VALUES, ids=lambda value: ascii(value)[:40])
def test_values_of_one_event(caller: Caller, name: str, value: str, field: str | None) -> None:
    """Beside an event that is well, which is taken."""
    parts = {**{key: json.dumps(one) for key, one in login().items()}, name: value}
    event = "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in parts.items()) + "}"
    poison, good = caller.results("events", f'{{"events": [{event}, {json.dumps(login())}]}}')
    assert good["status"] == "accepted"
    if field is None:
        assert poison["status"] == "accepted"
    elif field:
        assert poison["status"] == "refused"
        assert poison["error"]["field"].startswith(field)
    # What was written can be read back.
    assert len(list(Event.objects.all())) >= 1
    assert len(list(Contact.objects.all())) >= 1


@pytest.mark.parametrize("body", [[1, None, "x", [], {}, [[]], True, 1.5]])
def test_things_that_are_no_events(caller: Caller, body: list[Any]) -> None:
    results = caller.results("events", {"events": body})
    assert [one["status"] for one in results] == ["refused"] * len(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["a@example.com", "+12025550123", "login", "2026-01-01T00:00:00Z", "Europe/Berlin", "*"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["name", "contact", "data", "object_ref", "occurred_at", "idempotency_key", "email", "phone", "external_id",
     "first_name", "birthday", "attributes", "consents", "time_zone", "language"]
)  # fmt: skip
LIKE_AN_EVENT = st.dictionaries(FIELDS, JSON | st.dictionaries(FIELDS, JSON, max_size=4), max_size=6)
EVENT = st.just(login()) | LIKE_AN_EVENT | st.builds(lambda more: {**login(), **more}, LIKE_AN_EVENT) | JSON


@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(["events", "contacts"]),
    body=st.builds(
        lambda name, events: {name: events},
        st.sampled_from(["events", "contacts"]),
        st.lists(EVENT, max_size=4),
    )
    | EVENT
    | st.binary(max_size=50),
)
def test_thousands_of_requests(caller: Caller, where: str, body: Any) -> None:
    """Whatever is generated: no 5xx, one form of answer, and a result for each. All share one transaction."""
    answer = caller.post(where, body)
    assert answer.status_code in (200, 400, 415)
    said = json.loads(answer.content)
    if answer.status_code == 200:
        assert len(said["results"]) == (len(body[where]) if isinstance(body, dict) and where in body else 1)
    else:
        assert set(said["error"]) == {"field", "message"}
