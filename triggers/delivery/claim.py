"""Take a handful of queued messages: check them once more, render them, mark them `sending`, in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from triggers.conf import settings
from triggers.content.context import letter_contexts
from triggers.content.letter import CompiledLetter, LetterSource, RenderedLetter, compile_letter
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.delivery.backoff import retry_delay
from triggers.delivery.domains import SlowDomains
from triggers.delivery.email import Letter
from triggers.delivery.line import EVERY, lock_next, read_messages
from triggers.delivery.recheck import GONE, stops
from triggers.delivery.sms.base import SMSMessage
from triggers.delivery.stop import Stop
from triggers.delivery.unknown import keep_doubts
from triggers.exceptions import RenderError, SendCancelled, TemplateError
from triggers.links import unsubscribe_url
from triggers.logs import note
from triggers.models import Channel, Message, MessageBody, MessageClass, MessageState, Template
from triggers.signals import message_sending
from triggers.sql import insert_rows, update_rows
from triggers.statements import Statement

logger = logging.getLogger(__name__)


# How long what is held at the door stays there before it is looked at again.
HELD_FOR = timedelta(seconds=60)

TEMPLATES = Statement(
    Template.objects.values_list("key", "subject", "preheader", "html", "text", "channel"), by="key"
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is marked `sending`, and what the provider gets. `attempt` fences off late results."""

    id: int
    chain_id: int | None
    attempt: int
    lane: str
    # How often it was sent again although it may have arrived.
    resends: int
    # Whether an earlier attempt may have arrived.
    in_doubt: bool
    payload: Letter | SMSMessage


@dataclass(frozen=True, slots=True)
class Claim:
    """`looked_at` counts what was taken from the queue; only `ready` of it may leave. `failed` are the chains of those
    that failed here."""

    looked_at: int
    ready: Sequence[Claimed] = ()
    failed: Sequence[int | None] = ()


@transaction.atomic
def claim(lane: str, most: int, *, among: Q = EVERY, slow: SlowDomains | None = None) -> Claim:
    """Up to `most` messages of a lane, ready to be handed to the provider; those to `slow` domains are put off.

    Consent, suppression, goal and expiry are checked in this very transaction, so what was committed before it counts.
    Rendering comes before the mark: a sender that dies there leaves the message queued.
    """
    begun = time.monotonic()
    ids, now = lock_next(lane, most, among)
    if now is None:
        return Claim(0)
    crash_point("claim.locked")
    messages, orphans = read_messages(ids)
    stopped = stops(messages, now) | {row.pk: GONE for row in orphans}
    if slow is not None:
        stopped |= slow.stops([message for message in messages if message.pk not in stopped], now)
    rendered = _render([message for message in messages if message.pk not in stopped], stopped)
    for message in messages:
        if message.pk in rendered:
            _ask_receivers(message, stopped)
    keep_doubts(messages, stopped, now)
    _end([*messages, *orphans], stopped, now)
    going = [message for message in messages if message.pk in rendered and message.pk not in stopped]
    crash_point("claim.before_mark")
    _mark(going, rendered, now, timedelta(seconds=time.monotonic() - begun))
    crash_point("claim.before_commit")
    failed = [message.chain_id for message in messages if message.state == MessageState.FAILED]
    return Claim(len(ids), [_claimed(message, rendered[message.pk]) for message in going], failed)


def _render(messages: Sequence[Message], stopped: dict[int, Stop]) -> dict[int, RenderedLetter]:
    """Finished letters by message id; one that cannot be made is stopped with its reason, its neighbours are not."""
    compiled = _compile(messages, stopped)
    fit = [message for message in messages if message.template_key in compiled]
    uses = frozenset().union(*(letter.uses for letter in compiled.values()))
    contexts = _contexts(fit, uses)
    rendered = {}
    for message in fit:
        if message.pk not in contexts:
            stopped[message.pk] = _put_off(message)
            continue
        zone = message.contact.zone
        language = message.contact.language or django_settings.LANGUAGE_CODE
        context = contexts[message.pk]
        try:
            if isinstance(context, RenderError):
                raise context
            with translation.override(language), timezone.override(zone):
                rendered[message.pk] = compiled[message.template_key].render(context)
        except RenderError as error:
            stopped[message.pk] = _failed(str(error))
        except Exception as error:
            note(logger, logging.ERROR, "message.not_rendered", message=message.uid, error=error)
            stopped[message.pk] = _failed(type(error).__name__)
    return rendered


def _contexts(messages: Sequence[Message], uses: frozenset[str]) -> dict[int, dict[str, Any] | RenderError]:
    """What the letters are filled with, or why they cannot be. When the shop's adapter breaks, each message is tried
    alone, and those for which it still does are left out."""
    try:
        with transaction.atomic():
            return {**_ask_shop(messages, uses)}
    except Exception as error:
        if connection.needs_rollback:
            # The savepoint went with its transaction: it was our database, not the shop.
            raise
        if len(messages) == 1 and isinstance(error, RenderError):
            return {messages[0].pk: error}
        if len(messages) == 1:
            note(logger, logging.ERROR, "shop.failed", message=messages[0].uid, error=error)
            return {}
    found: dict[int, dict[str, Any] | RenderError] = {}
    for message in messages:
        found |= _contexts([message], uses)
    return found


def _ask_shop(messages: Sequence[Message], uses: frozenset[str]) -> dict[int, dict[str, Any]]:
    begun = time.monotonic()
    contexts = letter_contexts(messages, uses)
    if time.monotonic() - begun > settings.RENDER_SECONDS:
        note(logger, logging.WARNING, "shop.slow", lane=messages[0].lane, messages=len(messages))
    return contexts


def _put_off(message: Message) -> Stop:
    """Back into the queue for a while: a shop that cannot be asked now is not the letter's fault."""
    message.attempt += 1
    reason = Reason(
        gettext_noop("the shop's data could not be read, attempt %(attempt)s"), {"attempt": message.attempt}
    )
    return Stop(MessageState.QUEUED, reason)


def _compile(messages: Sequence[Message], stopped: dict[int, Stop]) -> dict[str, CompiledLetter]:
    """Compiled templates by key, as they are now: corrections reach everybody whose letter has not left."""
    keys = {message.template_key for message in messages}
    compiled: dict[str, CompiledLetter] = {}
    problems: dict[str, str] = {}
    for key, *source in TEMPLATES.read(keys):
        try:
            compiled[key] = compile_letter(LetterSource(*source))
        except TemplateError as error:
            problems[key] = str(error)
    for message in messages:
        if message.template_key not in compiled:
            stopped[message.pk] = _failed(problems.get(message.template_key, "the template was deleted"))
    return compiled


def _failed(detail: str) -> Stop:
    reason = Reason(gettext_noop("the letter could not be made: %(problem)s"), {"problem": detail})
    return Stop(MessageState.FAILED, reason)


def _ask_receivers(message: Message, stopped: dict[int, Stop]) -> None:
    """Let the host project stop this one message; a receiver that breaks stops nothing.

    The savepoint keeps a receiver's failed query out of the claim.
    """
    if not message_sending.has_listeners(Message):
        return
    answers: Sequence[tuple[Any, Any]] = ()
    try:
        with transaction.atomic():
            answers = message_sending.send_robust(sender=Message, message=message)
    except DatabaseError as error:
        note(logger, logging.ERROR, "receiver.broke_transaction", message=message.uid, error=error)
    for receiver, answer in answers:
        if isinstance(answer, SendCancelled):
            reason = Reason(gettext_noop("stopped by the shop: %(why)s"), {"why": str(answer)})
            stopped[message.pk] = Stop(MessageState.CANCELLED, reason)
        elif isinstance(answer, Exception):
            name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
            note(logger, logging.ERROR, "receiver.failed", receiver=name, error=answer)


def _end(messages: Sequence[Message], stopped: dict[int, Stop], now: datetime) -> None:
    ended = [message for message in messages if message.pk in stopped]
    for message in ended:
        stop = stopped[message.pk]
        message.state, message.reason, message.reason_data = stop.state, stop.reason.text, stop.reason.data
        if stop.state == MessageState.QUEUED:
            message.send_after = stop.until or now + timedelta(seconds=retry_delay(message.attempt))
        if stop.state == MessageState.HELD:
            # The chain may be going on at this very moment: `settle_abandoned` looks again.
            message.lease_until = now + HELD_FOR
    Message.objects.bulk_update(
        ended, ["state", "reason", "reason_data", "attempt", "send_after", "lease_until"]
    )


def _mark(
    messages: Sequence[Message], rendered: dict[int, RenderedLetter], now: datetime, since: timedelta
) -> None:
    """`since` is how long ago `now` was: asking the shop and rendering must not eat up the time of the call."""
    lease_until = now + since + timedelta(seconds=2 * settings.SEND_TIMEOUT)
    tried_before = [message.pk for message in messages if message.attempt]
    for message in messages:
        message.state, message.lease_until, message.sending_at = MessageState.SENDING, lease_until, now
        message.attempt += 1
        message.address = _address(message)
    update_rows(
        Message,
        ("id", "state", "state", "lease_until", "sending_at", "attempt", "address"),
        [
            (
                one.pk,
                MessageState.QUEUED,
                one.state,
                one.lease_until,
                one.sending_at,
                one.attempt,
                one.address,
            )
            for one in messages
        ],
        guard="state",
    )
    if tried_before:
        MessageBody.objects.filter(pk__in=tried_before).delete()
    letters = [(message.pk, rendered[message.pk]) for message in messages]
    insert_rows(
        MessageBody,
        ("message_id", "subject", "html", "text"),
        [(pk, letter.subject, letter.html, letter.text) for pk, letter in letters],
    )


def _address(message: Message) -> str:
    return (message.contact.email if message.channel == Channel.EMAIL else message.contact.phone) or ""


def _claimed(message: Message, letter: RenderedLetter) -> Claimed:
    return Claimed(
        message.pk,
        message.chain_id,
        message.attempt,
        message.lane,
        message.resends,
        message.unknown_since is not None,
        _payload(message, letter),
    )


def _payload(message: Message, letter: RenderedLetter) -> Letter | SMSMessage:
    uid = message.uid.hex
    if message.channel == Channel.SMS:
        return SMSMessage(uid, message.address, letter.text)
    is_marketing = message.message_class == MessageClass.MARKETING
    return Letter(
        uid=uid,
        to=message.address,
        subject=letter.subject,
        html=letter.html,
        text=letter.text,
        template=message.template_key,
        unsubscribe_url=unsubscribe_url(message.uid) if is_marketing else "",
        list_id=message.topic.key if message.topic else "",
    )
