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


def agree(address: str) -> None:
    from triggers import consent

    consent.grant(address, "email", source="test", text="yes")


def _chain(key: str) -> Any:
    from triggers.models import Chain

    return Chain.objects.get(key=key)


DEEDS: dict[str, Callable[..., None]] = {
    deed.__name__: deed
    for deed in (order, publish, pause, resume, report, unsubscribe, cut_months, work_at, agree)
}

if __name__ == "__main__":
    main()
