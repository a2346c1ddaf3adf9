"""Changes that chains make to their contacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from triggers.contacts import locked
from triggers.core.values import ChangeContact
from triggers.models import Contact, ContactTag


def change_contacts(changes: Sequence[tuple[int, ChangeContact]]) -> None:
    """Apply the changes, in order, to contacts given by id, in the caller's transaction.

    Four statements, and one for each different set of columns that changes name.
    """
    if not changes:
        return
    _change_rows(
        [(contact_id, change) for contact_id, change in changes if change.fields or change.attributes]
    )
    added: dict[tuple[int, str], bool] = {}
    for contact_id, change in changes:
        added |= {(contact_id, tag): True for tag in change.add_tags}
        added |= {(contact_id, tag): False for tag in change.remove_tags}
    _change_tags(added)


def _change_rows(changes: Sequence[tuple[int, ChangeContact]]) -> None:
    """Only the columns that a contact's own changes name: the shop may be writing the others this moment."""
    if not changes:
        return
    # Attributes are read, changed and written back, so nobody else may write them in between.
    contacts = locked({contact_id for contact_id, _change in changes})
    named: defaultdict[Contact, set[str]] = defaultdict(set)
    for contact_id, change in changes:
        contact = contacts.get(contact_id)
        if contact is None:
            continue
        for name, value in change.fields.items():
            setattr(contact, name, value)
        named[contact].update(change.fields)
        if change.attributes:
            contact.attributes = {**contact.attributes, **change.attributes}
            named[contact].add("attributes")
    alike: defaultdict[tuple[str, ...], list[Contact]] = defaultdict(list)
    for contact, names in named.items():
        alike[tuple(sorted(names))].append(contact)
    for columns, rows in alike.items():
        Contact.objects.bulk_update(rows, columns)


def _change_tags(wanted: dict[tuple[int, str], bool]) -> None:
    present = [
        ContactTag(contact_id=contact_id, name=tag) for (contact_id, tag), stays in wanted.items() if stays
    ]
    ContactTag.objects.bulk_create(present, ignore_conflicts=True)
    gone = {pair for pair, stays in wanted.items() if not stays}
    if gone:
        rows = ContactTag.objects.filter(
            contact__in={pk for pk, _ in gone}, name__in={tag for _, tag in gone}
        )
        doomed = [
            pk
            for pk, contact_id, tag in rows.values_list("pk", "contact_id", "name")
            if (contact_id, tag) in gone
        ]
        ContactTag.objects.filter(pk__in=doomed).delete()
