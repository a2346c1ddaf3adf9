"""Classes of buyers by recency, frequency and money, each in fifths of the shop's own buyers (5 is best)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from django.utils.translation import gettext_noop

RFM_CLASSES = {
    "champions": gettext_noop("champions: bought lately, often and for much"),
    "loyal": gettext_noop("loyal: buy often or for much"),
    "new": gettext_noop("new: bought lately for the first times"),
    "promising": gettext_noop("promising: neither new nor regular yet"),
    "at_risk": gettext_noop("at risk: were good buyers, not seen for long"),
    "lost": gettext_noop("lost: bought little, long ago"),
}

FIFTHS = 5


def edges(ordered: Sequence[float]) -> tuple[float, ...]:
    """The four values at which the next fifth begins, of values in ascending order. Equal values share a fifth."""
    if not ordered:
        return ()
    return tuple(ordered[len(ordered) * part // FIFTHS] for part in range(1, FIFTHS))


def fifth(value: float, borders: Sequence[float]) -> int:
    """1 to 5."""
    return bisect_right(borders, value) + 1


def rfm_class(recency: int, frequency: int, money: int) -> str:
    """The class of a buyer in these fifths."""
    worth = (frequency + money) / 2
    if recency >= 4:
        if worth >= 4:
            return "champions"
        return "loyal" if worth >= 3 else "new"
    if recency == 3:
        return "loyal" if worth >= 3 else "promising"
    return "at_risk" if worth >= 3 else "lost"
