"""An SMTP server that does to each letter what its recipient's name says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.faults.deliveries import DeliveryLog, delivery_of_mail, wish_of

# Replies to RCPT and to DATA, for recipients whose letters are not taken.
RCPT = {
    "tempfail": "451 4.3.0 try again",
    "mailboxfull": "452 4.2.2 mailbox full",
    "policy": "550 5.7.515 access denied, the sending domain does not meet the required level",
    "permfail": "550 5.1.1 no such user",
    "shutdown": "421 4.3.2 closing",
}
DATA = {
    "datatempfail": "451 4.3.0 try again",
    "datapermfail": "554 5.6.0 we do not like it",
    "garbage": "banana",
}
# Recipients that are refused once and then taken.
ONCE = {"greylist": "450 4.7.1 greylisted"}


class SMTPSink:
    """Takes letters into the log. Beside the refusals above, a recipient may be called

    `dropbeforedata` (the connection ends before the letter is asked for), `dropindata` (the connection ends, nothing was taken), `dropafterdata` (taken, the connection ends before the reply),
    `closeafter250` (taken, then it ends), `halfreply` (taken, the reply breaks off), `silent` (taken, never a reply). Nobody needs to log in; every login is refused.
    """

    def __init__(self, log: DeliveryLog) -> None:
        self.log = log
        self.port = 0
        # Called with "rcpt", "data" (received, not yet taken) and "taken" (before the reply) and the recipient.
        self.on_stage: Callable[[str, str], None] = lambda stage, to: None
        self._seen: Counter[str] = Counter()
        self._forgiven: set[str] = set()

    def forgive(self, wish: str) -> None:
        """From here on recipients of that name are like any other."""
        self._forgiven.add(wish)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        wish = wish_of(address)
        self._seen[address] += 1
        if wish in RCPT and wish not in self._forgiven:
            return RCPT[wish]
        if wish in ONCE and self._seen[address] == 1:
            return ONCE[wish]
        envelope.rcpt_tos.append(address)
        self.on_stage("rcpt", address)
        if wish == "dropbeforedata":
            transport: Any = server.transport
            transport.close()
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        to = envelope.rcpt_tos[0]
        wish = wish_of(to)
        transport: Any = server.transport
        self.on_stage("data", to)
        if wish == "dropindata":
            transport.close()
            return "451 never heard"
        if wish in DATA and wish != "garbage":
            return DATA[wish]
        assert isinstance(envelope.content, bytes)
        self.log.add(delivery_of_mail(envelope.content, envelope.rcpt_tos))
        self.on_stage("taken", to)
        if wish == "silent":
            await asyncio.Event().wait()
        if wish == "halfreply":
            transport.write(b"25")
        if wish in ("dropafterdata", "halfreply"):
            transport.close()
        if wish == "closeafter250":
            transport.write(b"250 OK\r\n")
            transport.close()
        return DATA.get(wish, "250 OK")

    def account(self, timeout: float = 10) -> dict[str, Any]:
        """The entry for EMAIL_ACCOUNTS."""
        options = {"host": "127.0.0.1", "port": self.port, "timeout": timeout}
        return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}


class _AnyPort(Controller):
    """aiosmtpd's controller on a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


@contextmanager
def smtp_sink(log: DeliveryLog) -> Iterator[SMTPSink]:
    sink = SMTPSink(log)
    controller = _AnyPort(
        sink,
        hostname="127.0.0.1",
        port=0,
        ready_timeout=30,
        auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )
    controller.start()
    sink.port = controller.port
    try:
        yield sink
    finally:
        controller.stop()
