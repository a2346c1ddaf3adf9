"""Finding contacts among millions: by columns that have an index first, by name only when nothing else fits."""

from __future__ import annotations

import contextlib
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Coalesce

from triggers.addresses import parse_email, parse_phone
from triggers.exceptions import InvalidAddress
from triggers.models import Contact

# Hits taken; whoever gets more types another letter.
MOST_FOUND = 200


def find_contact_ids(text: str) -> list[int]:
    """Ids of the contacts that fit: address or customer number exactly, the beginning of an address, or a name."""
    text = text.strip()[:254].replace("\0", "")
    if not text:
        return []
    # What leads to a contact that was merged means the one that it became.
    who = Coalesce("merged_into", "pk")
    exact = list(Contact.objects.filter(_exactly(text)).values_list(who, flat=True)[:MOST_FOUND])
    begins = Contact.objects.filter(email_key__startswith=text.lower()).values_list(who, flat=True)[
        :MOST_FOUND
    ]
    return list(dict.fromkeys([*exact, *begins])) or _by_name(text)


def _exactly(text: str) -> Q:
    wanted = Q(external_id=text[:64])
    with contextlib.suppress(InvalidAddress):
        wanted |= Q(email_key=parse_email(text).key)
    with contextlib.suppress(InvalidAddress):
        wanted |= Q(phone=parse_phone(text))
    with contextlib.suppress(ValueError):
        wanted |= Q(uid=UUID(text))
    return wanted


def _by_name(text: str) -> list[int]:
    """Every word must begin the first or the last name."""
    wanted = Q()
    for word in text.split()[:4]:
        wanted &= Q(first_name__istartswith=word) | Q(last_name__istartswith=word)
    return list(Contact.objects.filter(wanted).order_by("-pk").values_list("pk", flat=True)[:MOST_FOUND])
