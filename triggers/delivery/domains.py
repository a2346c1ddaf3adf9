"""Slow-down by domain: a mail server that defers letter after letter is left alone; those to other domains go on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.delivery.backoff import retry_delay
from triggers.delivery.lane import lock_lane
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.stop import Stop, put_off
from triggers.models import Channel, Lane, Message, SlowDomain

# Different messages that a domain defers in a row before others are put off.
MOST_DEFERRALS = 3
# Trips after which the pause grows no longer: half an hour with the usual RETRY_FIRST.
MOST_TRIPS = 7
# A domain to which nothing was sent for so long is looked at afresh.
FORGOTTEN_AFTER = timedelta(hours=1)

SLOW = gettext_noop("put off until %(until_at)s: %(domain)s does not take letters now")


def learn_domain(lane: str, address: str, message_id: int, outcome: Outcome, *, are_any_slow: bool) -> None:
    """What an outcome says about the recipient's domain. Writes nothing while none is slow and none defers."""
    domain = domain_of(address)
    if outcome.cause is Cause.DEFERRED:
        _note_deferral(lane, domain, message_id, outcome.detail)
    elif are_any_slow and outcome.is_proof_of_life:
        _forget(lane, SlowDomain.objects.filter(lane=lane, domain=domain).values_list("pk", flat=True))


def slow_domains(lane: str) -> SlowDomains:
    """The lane's domains that are left alone now. One statement, and more only where something is out of date."""
    out_of_date = Q(seen_at__lt=DatabaseNow() - FORGOTTEN_AFTER)
    rows = list(SlowDomain.objects.with_clock().filter(Q(trips__gt=0) | out_of_date, lane=lane))
    old = [
        row.pk for row in rows if row.now - max(row.seen_at, row.slow_until or row.seen_at) > FORGOTTEN_AFTER
    ]
    _forget(lane, old)
    return SlowDomains(row for row in rows if row.pk not in old)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


class SlowDomains:
    """Domains of a lane that were left alone when they were read, for one claim."""

    def __init__(self, rows: Iterable[SlowDomain]) -> None:
        self._rows = {row.domain: row for row in rows}

    def stops(self, messages: Sequence[Message], now: datetime) -> dict[int, Stop]:
        """Letters that are put off, by id: all to a slow domain, but one when its pause is over."""
        found = {}
        for message in messages:
            row = (
                self._rows.get(domain_of(message.contact.email or ""))
                if message.channel == Channel.EMAIL
                else None
            )
            until = _left_alone_until(row, now) if row is not None else None
            if row is not None and until is not None:
                # Not all at once: there may be thousands.
                until += timedelta(seconds=_pause(row))
                reason = Reason(SLOW, {"until_at": until.isoformat(), "domain": row.domain})
                found[message.pk] = put_off(message, reason, until)
        return found


def _left_alone_until(row: SlowDomain, now: datetime) -> datetime | None:
    """None for the letter that tries."""
    for until in (row.slow_until, row.probe_until):
        if until is not None and until > now:
            return until
    row.probe_until = now + timedelta(seconds=2 * settings.SEND_TIMEOUT)
    free = Q(probe_until__isnull=True) | Q(probe_until__lte=now)
    mine = SlowDomain.objects.filter(free, pk=row.pk, slow_until__lte=now).update(probe_until=row.probe_until)
    return None if mine else row.probe_until


def _pause(row: SlowDomain) -> float:
    """Seconds: as long as a message's own retries, up to a limit."""
    return retry_delay(min(row.trips, MOST_TRIPS))


@transaction.atomic
def _note_deferral(lane: str, domain: str, message_id: int, detail: str) -> None:
    """Count it; the lane's lock keeps senders in order."""
    now = lock_lane(lane).now
    row = SlowDomain.objects.filter(lane=lane, domain=domain).first() or SlowDomain(lane=lane, domain=domain)
    is_of_the_wave = row.slow_until is not None and row.slow_until > now
    is_the_same_again = not row.trips and row.message_id == message_id
    row.seen_at, row.message_id, row.detail = now, message_id, detail
    if not is_of_the_wave and not is_the_same_again:
        row.deferrals += 1
        if row.deferrals >= MOST_DEFERRALS:
            row.trips += 1
            row.slow_until, row.probe_until = now + timedelta(seconds=_pause(row)), None
    row.save()
    Lane.objects.filter(pk=lane, has_slow_domains=False).update(has_slow_domains=True)
    crash_point("domain.before_commit")


def _forget(lane: str, ids: Collection[int]) -> None:
    """These domains take letters again. The lane's lock keeps its flag and the rows together."""
    if not ids:
        return
    with transaction.atomic():
        lock_lane(lane)
        SlowDomain.objects.filter(pk__in=list(ids)).delete()
        if not SlowDomain.objects.filter(lane=lane).exists():
            Lane.objects.filter(pk=lane).update(has_slow_domains=False)
        crash_point("domain.forgotten")
