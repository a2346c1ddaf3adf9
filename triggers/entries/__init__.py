"""Entry kinds: how a chain starts, one file each."""

# In the order in which the admin offers them.
from triggers.entries import event, segment  # isort: skip
from triggers.entries import schedule, calendar_date, personal_date, inactivity  # isort: skip
from triggers.entries import announcement, goods, manual  # isort: skip
from triggers.entries.base import Entry, entries
from triggers.entries.fanned import FannedEntry, Occasion, Slot
from triggers.entries.timed import TimedEntry

__all__ = [
    "Entry",
    "FannedEntry",
    "Occasion",
    "Slot",
    "TimedEntry",
    "announcement",
    "calendar_date",
    "entries",
    "event",
    "goods",
    "inactivity",
    "manual",
    "personal_date",
    "schedule",
    "segment",
]
