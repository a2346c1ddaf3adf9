"""What the two sending steps share: settings, checks, and the decision when a message may leave, or that it will not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from django import forms
from django.utils.translation import gettext as say_now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.kinds import View
from triggers.core.limits import Cap, Limits, Taken, first_room, full_cap, who_gives_way, why_full
from triggers.core.schedule import after_quiet, zone_of
from triggers.core.values import Fact, Go, QueueMessage, Reason, Value, WaitUntil
from triggers.forms import KindForm
from triggers.steps.base import Step

Hours = Annotated[float, msgspec.Meta(gt=0, le=8784)]

LATE = gettext_noop("Not sent: %(hours)s h late")
NOT_SENT = gettext_noop("Not sent: %(why)s")
PUT_OFF = gettext_noop("Put off until %(until_at)s: %(why)s")
TOO_LONG = gettext_noop("Not sent: %(why)s; there is room at %(until_at)s, when it is worthless")
LEAVES_LATER = gettext_noop("%(what)s, leaves after the quiet hours, %(leaves_at)s")
GOES_FIRST = gettext_noop("%(what)s, in the place of a less important message")


class SendConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`template` is a template's key; it is read when the message leaves, so corrections reach everybody inside.

    `expires_hours`: worthless so long after the moment at which it was to leave; `late_hours`: left out when the step is
    reached later than that. Both default to the shop's settings.
    """

    template: str
    expires_hours: Hours | None = None
    late_hours: Hours | None = None


class SendForm(KindForm):
    template = forms.ChoiceField(label=_("Template"))
    expires_hours = forms.FloatField(
        label=_("Worthless after … hours"),
        min_value=0.1,
        max_value=8784,
        required=False,
        help_text=_(
            "If it cannot leave by then (an outage, a pause), it is not sent at all. Empty: the shop's usual."
        ),
    )
    late_hours = forms.FloatField(
        label=_("Left out when … hours late"),
        min_value=0.1,
        max_value=8784,
        required=False,
        help_text=_(
            "If the contact comes to this step later than planned by more than this (nothing ran for a while), the "
            "message is left out and the chain goes on. Empty: the shop's usual for marketing, never for transactional."
        ),
    )


class SendStep(Step):
    """Base of the sending steps. The message is written in the engine's transaction and leaves through a lane.

    `waits` stays False although a full cap may make it wait: that is rare, and what follows is better loaded ahead.
    """

    Config = SendConfig
    sentence: str
    queued: str

    def needs(self, config: SendConfig) -> Iterable[Fact]:
        return (self._limits(config.template),)

    def decide(self, config: SendConfig, view: View) -> Go | WaitUntil:
        """Queue it, for the end of the quiet hours if need be; leave it out when it is late or a cap is full; or wait for
        room."""
        limits = view.fact(self._limits(config.template)) or Limits()
        late = _lateness(config, limits, view)
        if late is not None:
            return Go(Reason(LATE, {"hours": round(late / timedelta(hours=1), 1)}))
        windows = limits.windows(view.quiet)
        at = after_quiet(view.now, windows, zone_of(view.journey.zone)) if windows else view.now
        displaced: tuple[Taken, ...] = ()
        if limits.caps:
            taken = _taken(self.sends, limits, view)
            cap = full_cap(at, limits.caps, [one.at for one in taken])
            displaced = who_gives_way(at, limits.caps, taken, view.journey.priority) if cap else ()
            if cap and not displaced:
                return _full(config, limits, view, taken, cap, at)
        return self._queue(config, limits.message_class, at, displaced, view.now)

    def _queue(
        self,
        config: SendConfig,
        message_class: str,
        at: datetime,
        displaced: tuple[Taken, ...],
        now: datetime,
    ) -> Go:
        reason = Reason(self.queued, {"template": config.template})
        if at > now:
            reason = Reason(LEAVES_LATER, {"what": _inner(reason), "leaves_at": at.isoformat()})
        if displaced:
            reason = Reason(GOES_FIRST, {"what": _inner(reason)})
        effect = QueueMessage(
            self.sends,
            config.template,
            config.expires_hours * 3600 if config.expires_hours else None,
            at if at > now else None,
            message_class,
            tuple(one.id for one in displaced),
        )
        return Go(reason, effect)

    def describe(self, config: SendConfig) -> Reason:
        return Reason(self.sentence, {"template": config.template})

    def problems(
        self, config: SendConfig, step_keys: set[str], templates: Mapping[str, str]
    ) -> Iterable[str]:
        if templates.get(config.template) != self.sends:
            yield say_now("there is no template “%(template)s” for this channel") % {
                "template": config.template
            }

    def _limits(self, template: str) -> Fact:
        return Fact("sending_limits", (self.sends, template))


def _lateness(config: SendConfig, limits: Limits, view: View) -> timedelta | None:
    """How late the step is, if that is too late."""
    most = config.late_hours * 3600 if config.late_hours else limits.late_seconds
    late = view.now - view.planned_at
    return late if most is not None and late > timedelta(seconds=most) else None


def _taken(channel: str, limits: Limits, view: View) -> list[Taken]:
    """Who has room already, with what earlier steps of this very decision queued."""
    own = [one for one in view.queued if (one.channel, one.message_class) == (channel, limits.message_class)]
    gone = {pk for one in own for pk in one.displaces}
    chain, priority = view.journey.chain, view.journey.priority
    queued = [Taken(one.send_after or view.now, chain=chain, priority=priority) for one in own]
    return [*(one for one in limits.taken if one.id not in gone or not one.id), *queued]


def _full(
    config: SendConfig, limits: Limits, view: View, taken: list[Taken], cap: Cap, at: datetime
) -> Go | WaitUntil:
    """There is no room at `at`: left out, or put off to the first moment that has some, if it is still worth it then."""
    why = _inner(why_full(cap, at, taken, view.journey.chain))
    if limits.on_hit == "skip":
        return Go(Reason(NOT_SENT, {"why": why}))
    zone, windows = zone_of(view.journey.zone), limits.windows(view.quiet)
    until = first_room(at, limits.caps, [one.at for one in taken], windows, zone)
    data = {"why": why, "until_at": until.isoformat()}
    # Counted from when it came here, so that it is not put off for ever.
    worth = config.expires_hours * 3600 if config.expires_hours else limits.expires_seconds
    if until > after_quiet(view.since, windows, zone) + timedelta(seconds=worth):
        return Go(Reason(TOO_LONG, data))
    return WaitUntil(until, Reason(PUT_OFF, data))


def _inner(reason: Reason) -> dict[str, object]:
    """A reason as a value of another one."""
    return {"text": reason.text, "data": reason.data}
