"""Entry kinds: how a chain starts, one file each."""

from triggers.entries import event, segment
from triggers.entries.base import Entry, entries

__all__ = ["Entry", "entries", "event", "segment"]
