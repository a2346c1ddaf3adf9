"""What the shop says about nobody in particular, for the chains that wait for it: announcements, changes of goods."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import transaction

from triggers.capturing import report_failures
from triggers.engine.live import live_chains
from triggers.engine.shards import read_clock
from triggers.entries.announcement import AnnouncementEntry
from triggers.entries.fanned import digest_of
from triggers.entries.goods import CHANGES, GoodsEntry
from triggers.exceptions import InvalidEvent
from triggers.models import EVERYWHERE, Fanout
from triggers.payloads import clean_data, clean_name, clean_ref

MOST_GOODS = 500


def announce(
    name: str, *, data: Mapping[str, Any] | None = None, object_ref: str = "", depth: int = 0
) -> int:
    """Let everybody in whom the chains choose that wait for this announcement, in the caller's transaction.

    The same `object_ref` again (the sale) is the same announcement and does nothing. Never raises, as `capture`: what goes
    wrong is logged and counted. Returns how many triggers waited for it. `depth` is one more than that of the event that
    caused it, when one did.
    """

    def write() -> int:
        cleaned, ref = clean_data(data), clean_ref(object_ref)
        clean_name(name)

        def waits(kind: Any, config: Any) -> bool:
            return isinstance(kind, AnnouncementEntry) and kind.accepts(config, name, cleaned)

        return _fan_out(waits, cleaned, ref, depth)

    return _safely(name, write)


def goods_changed(change: str, items: Sequence[Mapping[str, Any]], *, ref: str = "") -> int:
    """Tell those who looked at goods that they changed: "price_drop", "back_in_stock", "low_stock" or "new_in_category".

    `items` are written as in events (GA4): `item_id` as the events have it, `price` now, `item_category`; `was` is the price
    before, for those who never saw one. At most 500; all of a night's price list in one call is best, because each contact is
    told once. The same `ref` again does nothing. Never raises; returns how many triggers waited for it.
    """

    def write() -> int:
        if change not in CHANGES:
            raise InvalidEvent("change", f"{change!r} is none of {', '.join(CHANGES)}")
        if not 0 < len(items) <= MOST_GOODS:
            raise InvalidEvent("items", f"1 to {MOST_GOODS} goods")
        cleaned = {"items": [_clean_item(number, item) for number, item in enumerate(items)]}

        def waits(kind: Any, config: Any) -> bool:
            return isinstance(kind, GoodsEntry) and config.change == change

        return _fan_out(waits, cleaned, clean_ref(ref), 0)

    return _safely(change, write)


def _clean_item(number: int, item: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = clean_data(item)
    name = f"items[{number}].item_id"
    if not isinstance(cleaned.get("item_id"), str) or not cleaned["item_id"]:
        raise InvalidEvent(name, "text is needed")
    return cleaned


def _safely(name: Any, write: Callable[[], int]) -> int:
    try:
        with transaction.atomic():
            return write()
    except Exception as error:
        report_failures([(name, error)])
        return 0


def _fan_out(waits: Callable[[Any, Any], bool], data: Mapping[str, Any], ref: str, depth: int) -> int:
    """One fan-out for each trigger that waits."""
    now = read_clock()
    slot = ref or uuid.uuid4().hex
    found: dict[str, Fanout] = {}
    for chain in live_chains():
        kind, config = chain.graph.entry, chain.graph.entry_config
        if waits(kind, config):
            digest = digest_of(kind.key, config)  # type: ignore[attr-defined]
            found[digest] = Fanout(
                kind=kind.key,  # type: ignore[attr-defined]
                trigger=digest,
                config=msgspec.to_builtins(config),
                segment=config.segment,
                slot=slot,
                zone=EVERYWHERE,
                due_at=now,
                next_at=now,
                data=data,
                object_ref=ref,
                depth=depth,
            )
    Fanout.objects.bulk_create(found.values(), ignore_conflicts=True)
    return len(found)
