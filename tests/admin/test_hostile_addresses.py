"""Whatever stands in an address, the answer is a page, a redirect or a refusal; never an error of the server."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.build import draft_chain, make_contact, make_template

HUGE = "9" * 20
HOSTILE = ["\0", HUGE, "9" * 5000, "\ud800", "%", "0001-01-01T00:00:00+23:59"]
LISTS = {
    "contact": [
        *("q", "o", "p", "all", "id", "id__in", "pk__in", "language", "created_at__gte", "created_at__year"),
        *("consents__is_granted__exact", "consents__is_granted", "attributes", "email__startswith", "uid"),
    ],
    "event": ["q", "o", "p", "name", "recorded_at__gte", "recorded_at__year", "contact", "contact__id__exact", "uid"],
    "chain": ["q", "o", "p", "status", "status__exact", "key", "id__in", "live_version__id__exact"],
    "template": ["q", "o", "p", "channel__exact", "message_class__exact", "topic__id__exact", "topic__isnull", "key"],
    "message": [
        *("q", "o", "p", "state__exact", "template_key", "template_key__exact", "created_at__lt", "address"),
        *("journey", "journey__in", "id__in", "contact__in", "uid"),
    ],
    "journey": ["q", "o", "p", "status__exact", "chain__id__exact", "chain", "entered_at__gte", "error", "id__in"],
    "topic": ["q", "o", "p", "key", "id__in"],
    "suppression": ["q", "o", "p", "channel__exact", "reason__exact", "address", "created_at__gte", "id__in"],
    "segment": ["q", "o", "p", "key", "rule", "rule__kind", "is_watched", "created_by__password", "id__in"],
    "heartbeat": ["q", "o", "p", "name"],
}  # fmt: skip


def query(**values: str) -> str:
    return urlencode(values, errors="surrogatepass")


@pytest.mark.parametrize("model", LISTS)
def test_lists(model: str, boss: Client) -> None:
    """`?name=%00` used to be an error on PostgreSQL, and so did every other filter."""
    boss.raise_request_exception = False
    failed = [
        (name, text[:30])
        for name in LISTS[model]
        for text in HOSTILE
        if boss.get(f"/admin/triggers/{model}/?{query(**{name: text})}").status_code >= 500
    ]
    assert failed == []


def test_pages_of_one_row(boss: Client) -> None:
    boss.raise_request_exception = False
    make_template()
    contact = make_contact()
    chain = draft_chain([("wait", "wait", {"amount": 3, "unit": "hours"})])
    step = chain.steps.get()
    failed = []
    for text in ("%00", HUGE, f"-{HUGE}", "9" * 5000, "%ED%A0%80", "_00", "%F0%9D%9F%A1"):
        addresses = [f"{model}/{text}/{verb}/" for model in LISTS for verb in ("change", "delete", "history")]
        addresses += [f"chain/{text}/{verb}/" for verb in ("publish", "pause", "resume", "live", "steps/add")]
        addresses += [f"chain/{chain.pk}/steps/{text}/{verb}" for verb in ("", "move/", "delete/")]
        addresses += [f"contact/{text}/erase/", f"contact/merge/{contact.pk}/{text}/"]
        addresses += [f"chain/{text}/steps/{step.pk}/", f"message/{text}/body/", f"heartbeat/retry/{text}/"]
        addresses += [
            f"chain/{chain.pk}/steps/add/?{name}={text}" for name in ("kind", "parent", "branch", "position")
        ]
        addresses += [f"{model}/add/?name={text}&topic={text}&key={text}&_to_field={text}" for model in LISTS]
        addresses += [f"contact/{contact.pk}/change/?_changelist_filters={text}&_to_field={text}"]
        for address in addresses:
            failed += [
                (verb.__name__, address[:80])
                for verb in (boss.get, boss.post)
                if verb(f"/admin/triggers/{address}").status_code >= 500
            ]
    assert failed == []


@pytest.mark.parametrize(
    "moment",
    [
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+00:00"),
        *("9999-12-31T23:59:59.999999+00:00", "2024-01-01", "2024-01-01T00:00:00+00:00:00.5", "\0", ""),
    ],
)
@pytest.mark.parametrize("pk", ["1", HUGE, "-1", "9" * 5000, "\0", str(2**63 - 1)])
def test_places_in_a_timeline(moment: str, pk: str, boss: Client) -> None:
    """A moment that is none in UTC used to be an error."""
    boss.raise_request_exception = False
    address = f"/admin/triggers/contact/{make_contact().pk}/change/"
    for part in ("event", "transition", "message", "\0"):
        assert boss.get(address, {"until": f"{moment}~{part}~{pk}"}).status_code == 200


@pytest.mark.parametrize("field", ["message contact", "message topic", "journey chain", "template topic"])
def test_what_select_boxes_ask(field: str, boss: Client) -> None:
    boss.raise_request_exception = False
    model, name = field.split()
    for text in HOSTILE:
        values = {"app_label": "triggers", "model_name": model, "field_name": name}
        for asked in ({"term": text}, {"term": "a", "page": text}):
            address = f"/admin/autocomplete/?{query(**values, **asked)}"
            assert boss.get(address).status_code < 500, (field, asked)


def test_a_preview_of_nobody(boss: Client) -> None:
    boss.raise_request_exception = False
    make_template()
    for text in ("\0", HUGE, "9" * 5000, "²"):
        for name in ("preview_contact", "preview_saved", "subject", "channel"):
            values = {"channel": "email", "subject": "a", "html": "b", name: text}
            assert boss.post("/admin/triggers/template/preview/", values).status_code < 500, (name, text)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_attributes_no_database_can_hold(text: str, boss: Client) -> None:
    """JSON may say what PostgreSQL refuses; the form used to let it through."""
    boss.raise_request_exception = False
    contact = make_contact()
    values = {"email": contact.email, "attributes": json.dumps({"size": text, text: 1})}
    for inline in ("tags", "consents", "opt_outs"):
        values |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    response = boss.post(f"/admin/triggers/contact/{contact.pk}/change/", values)
    assert response.status_code == 302
    contact.refresh_from_db()
    assert set(contact.attributes["size"]) <= {"a", "b", "\ufffd"}
