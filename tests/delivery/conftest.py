"""A queued letter, and servers that answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils import timezone

from tests.build import make_contact, make_template
from triggers.models import Contact, Message, Template

QueueMessage = Callable[..., Message]


@pytest.fixture
def queue_message(db: None) -> QueueMessage:
    """Makes queued messages: `queue_message(contact, template, state=…)`, contact and template made when not given."""

    def queue(contact: Contact | None = None, template: Template | None = None, **fields: Any) -> Message:
        count = Message.objects.count()
        contact = contact or make_contact(count + 1)
        template = template or Template.objects.filter(key="reminder").first() or make_template()
        # A little ago: SQLite's clock counts milliseconds, so it may be behind Python's.
        now = timezone.now() - timedelta(seconds=1)
        defaults = {
            "contact": contact,
            "template_key": template.key,
            "channel": template.channel,
            "message_class": template.message_class,
            "lane": f"{template.channel}.{template.message_class}",
            "topic": template.topic,
            "created_at": now,
            "send_after": now,
        }
        return Message.objects.create(**(defaults | fields))

    return queue


@dataclass
class Sink:
    """An SMTP server that keeps what it took. `answers` maps a recipient's local part to the reply to RCPT or DATA."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.get(address.partition("@")[0])
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.data.get(envelope.rcpt_tos[0].partition("@")[0])
        if answer == "hang up":
            self.taken.append(envelope)
            assert server.transport is not None
            server.transport.close()
            return "250 never heard"
        if answer:
            return answer
        self.taken.append(envelope)
        return "250 OK"


class AnyPort(Controller):
    """aiosmtpd's controller on a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    """A real SMTP server on loopback; the default mail account sends to it."""
    sink = Sink()
    controller = AnyPort(sink, hostname="127.0.0.1", port=0, ready_timeout=20)
    controller.start()
    sink.port = controller.port
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": smtp_account(sink.port)}}
    yield sink
    controller.stop()


def smtp_account(port: int) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": port, "timeout": 10},
    }
