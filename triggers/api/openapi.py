"""The OpenAPI document, made from the types that requests are checked by. Source: https://spec.openapis.org/oas/v3.1.0 (read 2026-11-28)."""

from __future__ import annotations

from typing import Any

import msgspec

from triggers.api.schema import Contacts, ContactToSave, Error, Event, Events, Results

REFUSALS = {
    400: "The body is no JSON object, or no list of 1 to 100.",
    401: "No key that is valid.",
    403: "The key may not make this call.",
    411: "The length of the body is not given.",
    413: "The body is too large.",
    415: "The body is no JSON, or compressed.",
    429: "Too many calls; Retry-After says when to come back.",
    503: "The database cannot be written at the moment; come back after Retry-After.",
}
TYPES = (Events, Event, Contacts, ContactToSave, Results, Error)


def document(base: str) -> dict[str, Any]:
    """OpenAPI 3.1 with the API's address as its only server."""
    schemas, components = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    events, event, contacts, contact, results, error = schemas
    return {
        "openapi": "3.1.0",
        "info": {"title": "triggers", "version": "1"},
        "servers": [{"url": base}],
        "security": [{"key": []}],
        "paths": {
            "/events": {"post": _call("sendEvents", "Record events", (events, event), results, error)},
            "/contacts": {
                "post": _call("saveContacts", "Save contacts", (contacts, contact), results, error)
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _call(
    name: str, summary: str, bodies: tuple[Any, ...], results: dict[str, Any], error: dict[str, Any]
) -> dict[str, Any]:
    refusals = {str(status): {"description": text, **_json(error)} for status, text in REFUSALS.items()}
    done = {"description": "One result for each, in their order.", **_json(results)}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, **_json({"oneOf": list(bodies)})},
        "responses": {"200": done, **refusals},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
