"""Two contacts turn out to be one person: everything of the one becomes the other's."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from triggers.capturing import record_event
from triggers.consent import address_key
from triggers.contacts import current, locked
from triggers.crashpoints import crash_point
from triggers.engine.leftovers import finish_leftovers, settle_events
from triggers.engine.merge_journeys import Joined, join_journeys
from triggers.engine.rollup import move_days
from triggers.engine.shards import lock_for
from triggers.exceptions import MergeRefused
from triggers.logs import note
from triggers.models import Channel, Consent, Contact, ContactTag, EntryLedger, OptOut, SegmentMember

logger = logging.getLogger(__name__)

# Where the kept contact knows nothing, the other one's value is taken over.
FILLED = ("first_name", "last_name", "language", "time_zone", "birthday")
# What leads to a contact; unique, so it moves only as a whole.
KEYS = (("external_id",), ("email_key", "email"), ("phone",))


NOTHING = Joined()


@dataclass(frozen=True, slots=True)
class MergeResult:
    """`contact` is who stays. `is_new`: it was not done before. `events`: moved by now; of very many the rest follows."""

    contact: Contact
    is_new: bool
    events: int = 0
    journeys: Joined = NOTHING


def merge_contacts(kept: Contact, gone: Contact, *, joins_accounts: bool = False) -> MergeResult:
    """Make everything of `gone` `kept`'s, under the locks of both: events, journeys, messages, entries, tags, words of
    consent, browsers.

    - Addresses and other fields of `kept` stay; its gaps are filled. What finds no gap (a second address, a second user)
      stays with the row of `gone`, which leads to `kept` from now on: whoever names it means `kept`.
    - Of two journeys through one chain one goes on; see `merge_journeys`. What is queued leaves for `kept`'s address.
    - Of consents the latest word counts, and a grant only for an address that comes along: no consent is made up.
    - `contact_merged` is recorded. Letters that were sent keep their unsubscribe links.

    More events than `leftovers.MOST_AT_ONCE` are moved afterwards. Doing it again changes nothing. Raises MergeRefused for
    an erased contact, for one contact given twice, for one that is being merged elsewhere at this moment, and, without
    `joins_accounts`, for two users of the shop.
    """
    if kept.pk == gone.pk:
        raise MergeRefused(_("A contact cannot be merged with itself."))
    with transaction.atomic():
        result = _merge(current(_fresh(kept)), current(_fresh(gone)), joins_accounts)
        crash_point("merge.before_commit")
    crash_point("merge.after_commit")
    if result.is_new:
        note(logger, logging.INFO, "contact.merged", contact=result.contact.pk, gone=gone.pk)
    finish_leftovers()
    return result


def why_not(kept: Contact, gone: Contact, *, joins_accounts: bool = False) -> str:
    """What speaks against a merge, "" for nothing."""
    if kept.erased_at or gone.erased_at:
        return str(_("A contact that was erased cannot be merged."))
    if kept.external_id and gone.external_id and not joins_accounts:
        accounts = {"kept": kept.external_id, "gone": gone.external_id}
        return str(_("These are two customers of the shop, %(kept)s and %(gone)s.") % accounts)
    return ""


def fill_gaps(kept: Contact, gone: Contact) -> list[str]:
    """Take over what `kept` lacks, in memory, and take it away from `gone`. Returns the names of `kept`'s changed columns."""
    changed = [name for name in FILLED if getattr(gone, name) and not getattr(kept, name)]
    for key, *others in KEYS:
        if getattr(gone, key) and not getattr(kept, key):
            changed += [key, *others]
    for name in changed:
        setattr(kept, name, getattr(gone, name))
    attributes = {**gone.attributes, **kept.attributes}
    if attributes != kept.attributes:
        kept.attributes = attributes
        changed.append("attributes")
    for name in ({name for key in KEYS for name in key} & set(changed)) | {*FILLED, "attributes"}:
        setattr(gone, name, Contact._meta.get_field(name).get_default())  # type: ignore[union-attr]
    return changed


def _fresh(contact: Contact) -> Contact:
    return Contact.objects.get(pk=contact.pk)


def _merge(kept: Contact, gone: Contact, joins_accounts: bool) -> MergeResult:
    if kept.pk == gone.pk:
        return MergeResult(kept, is_new=False)
    now = lock_for([kept.pk, gone.pk])
    rows = locked([kept.pk, gone.pk])
    kept, gone = rows[kept.pk], rows[gone.pk]
    if gone.merged_into_id == kept.pk:
        return MergeResult(kept, is_new=False)
    if now is None or kept.merged_into_id or gone.merged_into_id:
        raise MergeRefused(_("One of them was merged a moment ago; look at both again."))
    if problem := why_not(kept, gone, joins_accounts=joins_accounts):
        raise MergeRefused(problem)
    journeys = join_journeys(kept, gone, now)
    # Before the addresses: a grant comes along with the one it was given for.
    _move_consents(kept, gone)
    _move_rows(kept, gone)
    _write(kept, gone, fill_gaps(kept, gone))
    events = settle_events(gone)
    move_days(gone.pk, kept.pk)
    record_event("contact_merged", contact=kept, data={"contact": gone.uid.hex})
    return MergeResult(kept, is_new=True, events=events, journeys=journeys)


def _write(kept: Contact, gone: Contact, changed: list[str]) -> None:
    """The other row first: the addresses that it gives away are unique."""
    gone.merged_into = kept
    gone.save()
    gone.merged.update(merged_into=kept)
    kept.save(update_fields=[*changed, "updated_at"])


def _move_rows(kept: Contact, gone: Contact) -> None:
    """What has no conflicts beside its key: of two equal ones the earlier stays."""
    gone.messages.update(contact=kept)
    gone.visitors.update(contact=kept)
    _move_entries(kept, gone)
    # Learned anew from all events, at the next look.
    gone.traits.all().delete()
    for model, key in ((OptOut, "topic"), (ContactTag, "name"), (SegmentMember, "segment")):
        same = model._default_manager.filter(contact=kept, **{key: OuterRef(key)})
        model._default_manager.filter(~Exists(same), contact=gone).update(contact=kept)
        model._default_manager.filter(contact=gone).delete()


def _move_entries(kept: Contact, gone: Contact) -> None:
    """Where both entered a chain under the same key, the earlier entry stays: once is once."""
    mine = EntryLedger.objects.filter(contact=kept, chain=OuterRef("chain"), entry_key=OuterRef("entry_key"))
    for entry in EntryLedger.objects.filter(Exists(mine), contact=gone):
        twin = EntryLedger.objects.filter(contact=kept, chain=entry.chain_id, entry_key=entry.entry_key)
        twin.filter(entered_at__gt=entry.entered_at).update(entered_at=entry.entered_at)
        entry.delete()
    gone.entries.update(contact=kept)


def _move_consents(kept: Contact, gone: Contact) -> None:
    mine = {one.channel: one for one in kept.consents.all()}
    for theirs in gone.consents.all():
        if counts(theirs, mine.get(theirs.channel), kept):
            kept.consents.filter(channel=theirs.channel).delete()
            theirs.contact = kept
            theirs.save()
    gone.consents.all().delete()


def counts(theirs: Consent, mine: Consent | None, kept: Contact) -> bool:
    """Whether the other contact's word is the one that counts from now on: the latest, and at the same moment the no.

    A yes was said for an address. Where `kept` goes on with its own, it does not count for that one.
    """
    if theirs.is_granted and address_key(kept, Channel(theirs.channel)):
        return False
    if mine is None or theirs.said_at > mine.said_at:
        return True
    return theirs.said_at == mine.said_at and not theirs.is_granted
