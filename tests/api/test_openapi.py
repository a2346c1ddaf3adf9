"""The document says what the API does: real requests and answers are checked against it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api.conftest import ADDRESS, Caller, login
from triggers.api.openapi import REFUSALS, document


def test_it_is_served_to_everybody(caller: Caller) -> None:
    answer = caller.client.get(f"{ADDRESS}openapi.json")
    said = json.loads(answer.content)
    assert said["openapi"].startswith("3.1")
    assert set(said["paths"]) == {"/events", "/contacts"}
    assert said["servers"] == [{"url": ADDRESS.rstrip("/")}]


def test_every_refusal_is_told(caller: Caller) -> None:
    answers = document("/")["paths"]["/events"]["post"]["responses"]
    assert set(answers) == {"200", *map(str, REFUSALS)}


REQUESTS: list[tuple[str, Any]] = [
    ("/events", login()),
    ("/events", {"events": [login(), login(idempotency_key="k")]}),
    ("/events", login(data={"a": [1, {"b": None}]}, object_ref="cart:1", occurred_at="2026-01-01T00:00:00Z")),
    ("/events", {"events": [{**login(), "contact": {"external_id": "5", "birthday": "1990-02-28"}}]}),
    ("/contacts", {"email": "a@example.com", "consents": {"email": {"source": "till", "text": "yes"}}}),
    ("/contacts", {"contacts": [{"phone": "+12025550123", "attributes": {"x": 1}}]}),
]
WRONG: list[tuple[str, Any]] = [
    ("/events", {"events": []}),
    ("/events", login(name="Login")),
    ("/events", login(dta={})),
    ("/events", {"name": "login"}),
    ("/events", login(idempotency_key="")),
    ("/contacts", {"email": "a@example.com", "consents": {"email": {"source": "till"}}}),
]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """For a part of the document, which may refer to its components."""
    return Draft202012Validator({**schema, "components": document("/")["components"]})


def body_of(where: str) -> dict[str, Any]:
    schema: dict[str, Any] = document("/")["paths"][where]["post"]["requestBody"]["content"][
        "application/json"
    ]["schema"]
    return schema


def answer_of(where: str, status: int) -> dict[str, Any]:
    responses = document("/")["paths"][where]["post"]["responses"]
    schema: dict[str, Any] = responses[str(status)]["content"]["application/json"]["schema"]
    return schema


def test_its_schemas_are_schemas() -> None:
    for schema in document("/")["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("where", "body"), REQUESTS, ids=str)
def test_what_it_allows_is_taken(caller: Caller, where: str, body: Any) -> None:
    validator(body_of(where)).validate(body)
    answer = caller.post(where.strip("/"), body)
    said = json.loads(answer.content)
    assert [one["status"] for one in said["results"]] == ["accepted"] * len(said["results"])
    validator(answer_of(where, 200)).validate(said)


@pytest.mark.parametrize(("where", "body"), WRONG, ids=str)
def test_what_it_forbids_is_refused(caller: Caller, where: str, body: Any) -> None:
    assert not validator(body_of(where)).is_valid(body)
    answer = caller.post(where.strip("/"), body)
    said = json.loads(answer.content)
    validator(answer_of(where, answer.status_code)).validate(said)
    assert answer.status_code == 400 or said["results"][0]["status"] == "refused"


def test_refusals_have_the_form_it_says(caller: Caller) -> None:
    answer = caller.post("events", login(), authorization="Bearer no")
    validator(answer_of("/events", 401)).validate(json.loads(answer.content))
