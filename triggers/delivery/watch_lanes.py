"""Tells the managers of lanes that stand still for a reason that no waiting mends: our account, or our domain."""

from __future__ import annotations

from django.utils.translation import gettext as _

from triggers.accounts import parse_lane
from triggers.crashpoints import crash_point
from triggers.delivery.managers import tell_managers
from triggers.models import Lane


def watch_lanes() -> list[str]:
    """One mail for each account that is at fault, each time that its lanes close. Returns the lanes it names."""
    by_account: dict[tuple[str, str], list[Lane]] = {}
    for lane in Lane.objects.filter(opened_at__isnull=False, is_own_fault=True, is_told=False):
        # Of several who watch, one tells.
        if Lane.objects.filter(pk=lane.pk, opened_at=lane.opened_at, is_told=False).update(is_told=True):
            name = parse_lane(lane.pk)
            by_account.setdefault((name.channel, name.account), []).append(lane)
    crash_point("watch.lanes_marked")
    for (channel, account), lanes in by_account.items():
        _tell(lanes, account if channel == "email" else "")
    return [lane.pk for lanes in by_account.values() for lane in lanes]


def _tell(lanes: list[Lane], account: str) -> None:
    names = ", ".join(lane.pk for lane in lanes)
    tell_managers(
        _("Nothing leaves over %(lanes)s") % {"lanes": names},
        _(
            "The provider refuses our account or our domain, and waiting does not mend that: %(detail)s.\n\n"
            "Nothing is lost: what is queued on %(lanes)s leaves when it works again, or expires. The health page says "
            "more, and has a button to try it now."
        )
        % {"lanes": names, "detail": lanes[0].detail},
        besides=account,
        lanes=names,
    )
