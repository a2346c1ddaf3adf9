"""What a web process or a person does, each as a process of its own: `python -m tests.faults.deeds order ann@example.com`.

A deed prints a line when whoever did it has been told that it is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import django


def main() -> None:
    django.setup()
    name, *arguments = sys.argv[1:]
    DEEDS[name](*arguments)
    print("done", flush=True)


def order(address: str) -> None:
    """A request of the shop: its own row and our event, in one transaction."""
    from django.contrib.auth import get_user_model
    from django.db import transaction

    import triggers
    from triggers.crashpoints import crash_point

    with transaction.atomic():
        get_user_model().objects.create_user(username=address)
        triggers.capture("add_to_cart", contact=address)
    crash_point("order.committed")


def orders(*addresses: str) -> None:
    """An import of the shop: its own rows in bulk, and our events, in one transaction."""
    from django.contrib.auth import get_user_model
    from django.db import transaction

    import triggers

    users = [get_user_model()(username=address) for address in addresses]
    with transaction.atomic():
        get_user_model().objects.bulk_create(users)
        triggers.capture_many({"name": "add_to_cart", "contact": one} for one in addresses)


def send_events(text: str, *keys: str) -> None:
    """A call of the API with an event under each idempotency key."""
    who = {"email": "ann@example.com"}
    _call(
        "events",
        text,
        {"events": [{"name": "login", "contact": who, "idempotency_key": key} for key in keys]},
    )


def send_contact(text: str) -> None:
    """A call of the API with a contact who has agreed."""
    agreed = {"email": {"source": "till", "text": "yes"}}
    _call("contacts", text, {"email": "ann@example.com", "consents": agreed})


def _call(where: str, text: str, body: dict[str, Any]) -> None:
    from django.test import Client

    answer = Client().post(
        f"/triggers/api/v1/{where}",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {text}"},
    )
    assert answer.status_code == 200, answer.content


def publish(key: str) -> None:
    from triggers.engine import publish as verbs

    verbs.publish(_chain(key))


def pause(key: str) -> None:
    from triggers.engine.publish import pause_chain

    pause_chain(_chain(key))


def resume(key: str) -> None:
    from triggers.engine.publish import resume_chain

    resume_chain(_chain(key))


def report(uid: str, kind: str) -> None:
    """A provider's notice, as Anymail's webhook view hands it on."""
    from anymail.signals import AnymailTrackingEvent, tracking

    event = AnymailTrackingEvent(
        event_type=kind, metadata={"triggers_message": uid}, event_id=f"{uid}-{kind}"
    )
    tracking.send(sender=object, event=event, esp_name="Resend")


def unsubscribe(uid: str, do: str) -> None:
    """The reader's one click (`one-click`), or a button of the page (`topic`, `all`)."""
    from urllib.parse import urlsplit
    from uuid import UUID

    from django.test import Client

    from triggers.links import unsubscribe_url

    data = {"List-Unsubscribe": "One-Click"} if do == "one-click" else {"do": do}
    answer = Client().post(urlsplit(unsubscribe_url(UUID(uid))).path, data)
    assert answer.status_code == 200, answer.status_code


def cut_months(verb: str) -> None:
    """Make the pieces that the coming months want, or drop those of events that lie wholly in the past."""
    from django.utils import timezone

    from triggers.engine.partitions import drop_months, make_partitions
    from triggers.engine.rollup import roll_up
    from triggers.models import Event

    if verb == "make":
        make_partitions(timezone.now())
    else:
        list(drop_months(Event.objects.none(), timezone.now(), keep=roll_up))


def work_at(minutes: str) -> None:
    """A worker whose clock is wrong by so many minutes does what is due."""
    from datetime import datetime, timedelta

    import time_machine
    from django.core.management import call_command

    with time_machine.travel(datetime.now().astimezone() + timedelta(minutes=int(minutes))):
        call_command("triggers_run", "--once")


def put_in(key: str) -> None:
    """The shop's code puts all contacts into a chain, once under this name."""
    import triggers
    from triggers.models import Contact

    triggers.enter(key, Contact.objects.all(), key="campaign")


def agree(address: str) -> None:
    from triggers import consent

    consent.grant(address, "email", source="test", text="yes")


def browse(parcel: str) -> None:
    """A page of the shop tells what somebody did in a browser whose cookie is always the same."""
    assert _collect(parcel, "page_view", None).status_code == 204


def log_in(address: str) -> None:
    """The same browser, after its owner has logged in."""
    from django.contrib.auth import get_user_model

    user, _is_new = get_user_model().objects.get_or_create(username=address, defaults={"email": address})
    assert _collect("second-parcel", "search", user).status_code == 204


def _collect(parcel: str, name: str, user: Any) -> Any:
    import json
    from uuid import UUID

    from django.test import Client
    from django.utils import timezone

    from triggers.models import Visitor
    from triggers.visitors import signer

    now = timezone.now()
    visitor, _is_new = Visitor.objects.get_or_create(
        uid=UUID(int=1), defaults={"first_seen_at": now, "last_seen_at": now}
    )
    client = Client()
    if user is not None:
        client.force_login(user)
    client.cookies["triggers_visitor"] = signer().sign(visitor.uid.hex)
    body = json.dumps({"id": parcel, "events": [{"name": name}]})
    return client.post("/triggers/collect/", body, content_type="text/plain")


def merge(kept: str, gone: str, at_once: str = "5000") -> None:
    """`at_once`: events that are moved in the merge's own transaction."""
    from triggers.engine import leftovers
    from triggers.engine.merge import merge_contacts

    leftovers.MOST_AT_ONCE, leftovers.SLICE = int(at_once), 1
    merge_contacts(_contact(kept), _contact(gone))


def erase(address: str, at_once: str = "5000") -> None:
    from triggers.engine import leftovers
    from triggers.engine.erase import erase_contact

    leftovers.MOST_AT_ONCE, leftovers.SLICE = int(at_once), 1
    erase_contact(_contact(address))


def _contact(address: str) -> Any:
    from triggers.models import Contact

    return Contact.objects.get(email_key=address)


def _chain(key: str) -> Any:
    from triggers.models import Chain

    return Chain.objects.get(key=key)


DEEDS: dict[str, Callable[..., None]] = {
    deed.__name__: deed
    for deed in (
        *(order, orders, send_events, send_contact, publish, pause, resume, report, unsubscribe),
        *(cut_months, work_at, put_in, agree, browse, log_in, merge, erase),
    )
}

if __name__ == "__main__":
    main()
