"""What mail providers report, through Anymail's one signal for all of them."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from anymail.signals import tracking
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from triggers.addresses import parse_email
from triggers.capturing import record_event
from triggers.clock import DatabaseNow
from triggers.crashpoints import crash_point
from triggers.delivery.tally import count_report
from triggers.exceptions import InvalidAddress
from triggers.logs import note
from triggers.models import Channel, Message, MessageState, SuppressionReason
from triggers.models.message import WAITING
from triggers.payloads import clean_text
from triggers.suppressions import suppress

logger = logging.getLogger(__name__)

# A status only moves up: a late `delivered` never hides a complaint.
RANK = {
    MessageState.SENDING: 0,
    MessageState.UNKNOWN: 0,
    MessageState.ACCEPTED: 1,
    MessageState.DELIVERED: 2,
    MessageState.BOUNCED: 3,
    MessageState.COMPLAINED: 4,
}
# Where a message may end that was in doubt: it was not sent again, and a report says what became of the first copy.
NOT_SENT_AGAIN = (MessageState.CANCELLED, MessageState.EXPIRED, MessageState.SUPPRESSED, MessageState.FAILED)
STATES = {
    "sent": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "bounced": MessageState.BOUNCED,
    "rejected": MessageState.BOUNCED,
    "complained": MessageState.COMPLAINED,
}
SUPPRESSING = {"bounced": SuppressionReason.BOUNCE, "complained": SuppressionReason.COMPLAINT}


def connect() -> None:
    tracking.connect(receive, dispatch_uid="triggers.tracking")


def receive(event: Any, **kwargs: Any) -> None:
    """One normalised provider event (anymail.signals.AnymailTrackingEvent). Unknown messages change nothing."""
    message = _message(event)
    if message is None:
        note(logger, logging.INFO, "report.not_ours", report=event.event_type)
        return
    with transaction.atomic():
        if event.event_type in STATES:
            _raise_state(message, STATES[event.event_type])
        if event.event_type in SUPPRESSING:
            _suppress(message, event)
        if event.event_type in ("opened", "clicked"):
            _note_reaction(message, event)
        crash_point("webhook.before_commit")
    crash_point("webhook.after_commit")


def _message(event: Any) -> Message | None:
    try:
        uid = UUID(str((event.metadata or {}).get("triggers_message", "")))
    except ValueError:
        return None
    return Message.objects.filter(uid=uid).first()


def _raise_state(message: Message, state: MessageState) -> None:
    """A message that waits for another attempt rises too: the first one was taken, so no second copy may leave."""
    lower = [known for known, rank in RANK.items() if rank < RANK[state]]
    waits_again = Q(state__in=WAITING, attempt__gt=0)
    was_in_doubt = Q(state__in=NOT_SENT_AGAIN, unknown_since__isnull=False)
    moved = Message.objects.filter(
        Q(pk=message.pk) & (Q(state__in=lower) | waits_again | was_in_doubt)
    ).update(
        state=state,
        reason="",
        reason_data={},
        lease_until=None,
        accepted_at=Coalesce(F("accepted_at"), DatabaseNow()),
    )
    if moved:
        count_report(message, state)


def _suppress(message: Message, event: Any) -> None:
    """Only the address we wrote to: a webhook must not silence a stranger. Soft bounces are not final."""
    if event.event_type == "bounced" and event.reject_reason not in ("bounced", "invalid", None):
        return
    try:
        key = parse_email(message.address).key
    except InvalidAddress:
        return
    said = clean_text("description", str(event.description or "")[:300])
    suppress(Channel.EMAIL, key, SUPPRESSING[event.event_type], said)


def _note_reaction(message: Message, event: Any) -> None:
    column = f"{event.event_type}_at"
    first = Message.objects.filter(Q(pk=message.pk) & Q(**{f"{column}__isnull": True}))
    if first.update(**{column: DatabaseNow()}):
        record_event(
            f"email_{event.event_type}",
            contact=message.contact,
            data={"template": message.template_key, "step": message.step},
            object_ref=f"message:{message.uid}",
        )
