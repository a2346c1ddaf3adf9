"""django-post_office: letters are queued in its table, then sent by its threads, and recorded a batch at a time."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from benchmarks.harness.shop import address, list_headers
from benchmarks.rivals.plain import render

# Its own size of a batch: what is fetched, sent by the threads and then recorded together.
BATCH = 100
INSTALL = "not installed: pip install django-post-office"


def is_installed() -> bool:
    return find_spec("post_office") is not None


def send_by_post_office(count: int, settings: dict[str, Any], threads: int) -> int:
    """In a worker: render and queue all, then let it send until its queue is empty. Returns how many were sent."""
    from django.test import override_settings
    from post_office import mail
    from post_office.models import STATUS, Email

    # It says every letter aloud.
    logging.getLogger("post_office").setLevel(logging.CRITICAL)
    given = {"THREADS_PER_PROCESS": threads, "BATCH_SIZE": BATCH}
    with override_settings(POST_OFFICE=given, **settings):
        for start in range(1, count + 1, BATCH):
            mail.send_many([_queued(number) for number in range(start, min(start + BATCH, count + 1))])
        while mail.get_queued().exists():
            mail.send_queued()
        return Email.objects.filter(status=STATUS.sent).count()


def _queued(number: int) -> dict[str, Any]:
    letter = render(number)
    return {
        "recipients": [address(number)],
        "subject": letter.subject,
        "message": letter.text,
        "html_message": letter.html,
        "headers": dict(list_headers(number)),
    }
