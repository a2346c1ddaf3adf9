"""Who belongs to a segment."""

from __future__ import annotations

from django.db.models import QuerySet

from triggers.models import Contact


def contacts_in(segment_key: str) -> QuerySet[Contact]:
    """The segment's contacts; everybody for ""."""
    return Contact.objects.all() if not segment_key else Contact.objects.none()
