"""Changes that chains make to their contacts."""

from __future__ import annotations

from collections.abc import Sequence

from triggers.core.values import ChangeContact
from triggers.models import Contact, ContactTag


def change_contacts(changes: Sequence[tuple[int, ChangeContact]]) -> None:
    """Apply the changes, in order, to contacts given by id. At most five statements."""
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
    contacts = Contact.objects.in_bulk([contact_id for contact_id, _change in changes])
    for contact_id, change in changes:
        contact = contacts.get(contact_id)
        if contact is None:
            continue
        for name, value in change.fields.items():
            setattr(contact, name, value)
        contact.attributes = {**contact.attributes, **change.attributes}
    if contacts:
        fields = sorted({"attributes", *(name for _pk, change in changes for name in change.fields)})
        Contact.objects.bulk_update(contacts.values(), fields)


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
