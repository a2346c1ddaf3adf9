"""Pauses a chain that does harm: too many complaints or bounces, or nothing but failures."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from triggers.conf import settings
from triggers.core.values import Reason
from triggers.core.words import say
from triggers.crashpoints import crash_point
from triggers.delivery.managers import tell_managers
from triggers.delivery.tally import day_of
from triggers.engine.publish import pause_chain
from triggers.engine.shards import read_clock
from triggers.logs import note
from triggers.models import Chain, ChainDay, ChainStatus, MessageClass

logger = logging.getLogger(__name__)

# Complaints and bounces count over this window, like those of the large mailbox providers.
DAYS = 7

COMPLAINTS = gettext_noop(
    "%(count)s of %(sent)s messages of the last 7 days were complained about; the limit is %(limit)s %%"
)
BOUNCES = gettext_noop("%(count)s of %(sent)s messages of the last 7 days bounced; the limit is %(limit)s %%")
FAILURES = gettext_noop("its last %(count)s messages all failed for good")


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is wrong with a live chain; `is_stop`: so much that it must not go on."""

    chain: Chain
    reason: Reason
    is_stop: bool


@dataclass(slots=True)
class Figures:
    """One chain, channel and class since the chain was last resumed. `failing`: since the last that was handed over."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0
    failing: int = 0


def watch_chains() -> list[Chain]:
    """Pause chains that do harm and tell the managers, once each. Returns those that were paused."""
    paused = []
    for alarm in find_alarms(read_clock()):
        if not alarm.is_stop:
            note(logger, logging.WARNING, "chain.watched", chain=alarm.chain.pk, **alarm.reason.data)
        elif pause_chain(alarm.chain, alarm.reason):
            crash_point("watch.paused")
            note(logger, logging.ERROR, "chain.paused_by_watch", chain=alarm.chain.pk, **alarm.reason.data)
            paused.append(alarm.chain)
            _tell_managers(alarm)
    return paused


def find_alarms(now: datetime, chain: Chain | None = None) -> list[Alarm]:
    """What is wrong with live chains (or this one), one alarm each, the worst. One statement."""
    rows = ChainDay.objects.filter(day__gt=day_of(now - timedelta(days=DAYS)), chain__status=ChainStatus.LIVE)
    if chain is not None:
        rows = rows.filter(chain=chain)
    alarms = []
    ordered = rows.select_related("chain").order_by("chain_id", "-day")
    for _chain_id, days in groupby(ordered, lambda row: row.chain_id):
        found = list(days)
        alarm = _alarm(found[0].chain, found)
        if alarm:
            alarms.append(alarm)
    return alarms


def _alarm(chain: Chain, days: Sequence[ChainDay]) -> Alarm | None:
    since = day_of(chain.activated_at) if chain.activated_at else None
    figures = count(row for row in days if since is None or row.day >= since)
    found = [
        alarm
        for (_channel, message_class), one in figures.items()
        if (alarm := judge(one, is_marketing=message_class == MessageClass.MARKETING))
    ]
    if not found:
        return None
    is_stop, reason = max(found, key=lambda one: one[0])
    return Alarm(chain, reason, is_stop)


def count(days: Iterable[ChainDay]) -> dict[tuple[str, str], Figures]:
    """Figures by channel and class, from rows that come newest first."""
    found: dict[tuple[str, str], Figures] = defaultdict(Figures)
    for row in days:
        figures = found[row.channel, row.message_class]
        if not figures.sent:
            figures.failing += row.failing
        figures.sent += row.sent - row.sent_before
        figures.bounced += row.bounced - row.bounced_before
        figures.complained += row.complained - row.complained_before
    return found


def judge(figures: Figures, *, is_marketing: bool) -> tuple[bool, Reason] | None:
    """Whether it must stop, and why; None while all is well.

    Shares are for marketing only: nobody's order confirmations stop because of complaints.
    """
    if figures.failing >= settings.FAILURES_STOP:
        return True, Reason(FAILURES, {"count": figures.failing})
    if not is_marketing or figures.sent < settings.RATE_LEAST:
        return None
    for is_stop, text, number, limit in (
        (True, COMPLAINTS, figures.complained, settings.COMPLAINT_STOP),
        (True, BOUNCES, figures.bounced, settings.BOUNCE_STOP),
        (False, COMPLAINTS, figures.complained, settings.COMPLAINT_WARN),
    ):
        if number / figures.sent >= limit:
            shown = f"{100 * limit:g}"
            return is_stop, Reason(text, {"count": number, "sent": figures.sent, "limit": shown})
    return None


def _tell_managers(alarm: Alarm) -> None:
    why = say(alarm.reason.text, alarm.reason.data)
    tell_managers(
        _("The chain “%(chain)s” was paused") % {"chain": alarm.chain},
        _("The chain “%(chain)s” was paused: %(why)s.\n\nIt stands still until somebody resumes it.")
        % {"chain": alarm.chain, "why": why},
        chain=alarm.chain.pk,
    )
