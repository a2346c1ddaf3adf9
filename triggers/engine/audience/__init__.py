"""Who belongs to a segment: conditions as queries over contacts, for any number of them at once."""

from triggers.engine.audience.segments import contacts_in, criterion_of
from triggers.engine.audience.where import contacts_where

__all__ = ["contacts_in", "contacts_where", "criterion_of"]
