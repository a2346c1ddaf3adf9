"""Entry kinds: how a chain starts, one file each."""

from triggers.entries import event, schedule  # isort: skip
from triggers.entries import manual  # isort: skip
from triggers.entries.base import Entry, entries
from triggers.entries.fanned import FannedEntry, Occasion, Slot
from triggers.entries.timed import TimedEntry

__all__ = ["Entry", "FannedEntry", "Occasion", "Slot", "TimedEntry", "entries", "event", "manual", "schedule"]
