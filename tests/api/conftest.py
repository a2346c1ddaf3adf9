"""A caller of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from triggers.api.keys import make_key

Call = Callable[..., Any]
ADDRESS = "/triggers/api/v1/"


class Caller:
    """Calls with a key; cookies and the CSRF token are left out, as every caller but a browser does."""

    def __init__(self, **fields: Any) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=True)
        self.key, self.text = make_key(
            **{"name": "erp", "events": ["*"], "may_write_contacts": True, **fields}
        )

    def post(self, where: str, body: Any, **headers: str) -> Any:
        """The raw answer; `body` is text or bytes as they are, and anything else as JSON."""
        given = body if isinstance(body, str | bytes) else json.dumps(body)
        kind = headers.pop("content_type", "application/json")
        named = {"authorization": f"Bearer {self.text}", **headers}
        return self.client.post(f"{ADDRESS}{where}", given, content_type=kind, headers=named)

    def results(self, where: str, body: Any) -> list[dict[str, Any]]:
        answer: HttpResponse = self.post(where, body)
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = json.loads(answer.content)["results"]
        return found


@pytest.fixture
def caller(db: None) -> Caller:
    cache.clear()
    return Caller()


def login(**more: Any) -> dict[str, Any]:
    return {"name": "login", "contact": {"email": "ann@example.com"}, **more}
