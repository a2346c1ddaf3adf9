"""Two contacts become one: a page that shows both and says what will happen, and a button."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from triggers.admin.base import change_url, may
from triggers.consent import address_key
from triggers.engine.merge import counts, fill_gaps, merge_contacts, why_not
from triggers.engine.merge_journeys import find_twins
from triggers.exceptions import MergeRefused
from triggers.models import Channel, Consent, Contact
from triggers.payloads import MOST_INTEGER

ADDRESS = "admin:triggers_contact_merge"
# Shown of each contact, and of the one that there will be.
FIELDS = (
    *("first_name", "last_name", "email", "phone", "external_id", "language", "time_zone", "birthday"),
    "attributes",
)
# Of what does not fit, what still leads to the contact.
LEADS = ("email", "phone", "external_id")


@dataclass(frozen=True, slots=True)
class Line:
    """A field of both contacts, and of the one that there will be; `leads`: the other's value still leads there."""

    label: str
    kept: str
    gone: str
    result: str
    leads: bool = False


def may_merge(request: HttpRequest) -> bool:
    return may(request, "merge", Contact)


def merge_view(model_admin: admin.ModelAdmin, request: HttpRequest, kept: int, gone: int) -> HttpResponse:
    """The page on GET; on POST they become one."""
    if not may_merge(request) or not model_admin.has_view_permission(request):
        raise PermissionDenied
    numbers = [number for number in (kept, gone) if number < MOST_INTEGER]
    found = Contact.objects.filter(merged_into=None).in_bulk(numbers)
    if len(found) < 2:
        raise Http404
    if request.method == "POST":
        return _merge(model_admin, request, found[kept], found[gone])
    pair = found[kept], found[gone]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Merge two contacts"),
        "media": model_admin.media,
        "kept": pair[0],
        "gone": pair[1],
        "kept_url": change_url(pair[0]),
        "gone_url": change_url(pair[1]),
        "swap_url": reverse(ADDRESS, args=[gone, kept]),
        "problem": why_not(*pair, joins_accounts=True),
        "accounts": why_not(*pair),
        "words": list(_words(*pair)),
        "journeys": list(_journeys(*pair)),
        "lines": list(_lines(*pair)),
    }
    return TemplateResponse(request, "triggers/admin/merge.html", context)


def _merge(
    model_admin: admin.ModelAdmin, request: HttpRequest, kept: Contact, gone: Contact
) -> HttpResponseRedirect:
    name = str(gone)
    try:
        done = merge_contacts(kept, gone, joins_accounts="joins_accounts" in request.POST)
    except MergeRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse(ADDRESS, args=[kept.pk, gone.pk]))
    said = _("“%(gone)s” (#%(number)s) became this contact.") % {"gone": name, "number": gone.pk}
    ended = done.journeys.ended
    if ended:
        text = ngettext("%(count)s journey ended.", "%(count)s journeys ended.", ended)
        said = f"{said} {text % {'count': ended}}"
    # Without the name: the history outlives an erasure.
    model_admin.log_change(request, done.contact, f"Merged #{gone.pk}")
    messages.success(request, said)
    return HttpResponseRedirect(change_url(done.contact))


def _lines(kept: Contact, gone: Contact) -> Iterator[Line]:
    merged = copy(kept)
    fill_gaps(merged, copy(gone))
    for name in FIELDS:
        mine, theirs, result = (_shown(contact, name) for contact in (kept, gone, merged))
        label = str(Contact._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        if mine or theirs:
            yield Line(label, mine, theirs, result, leads=name in LEADS and theirs not in ("", result))


def _shown(contact: Contact, name: str) -> str:
    value = getattr(contact, name)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(value or "")


def _words(kept: Contact, gone: Contact) -> Iterator[dict[str, Any]]:
    """What counts for marketing afterwards, channel by channel."""
    mine, theirs = ({one.channel: one for one in contact.consents.all()} for contact in (kept, gone))
    for channel in Channel:
        ours, other = mine.get(channel.value), theirs.get(channel.value)
        if ours is None and other is None:
            continue
        takes_theirs = other is not None and counts(other, ours, kept)
        stays_behind = bool(
            other and other.is_granted and not takes_theirs and ours is None and address_key(kept, channel)
        )
        yield {
            "channel": channel.label,
            "kept": _word(ours),
            "gone": _word(other),
            "result": _word(other if takes_theirs else ours),
            "stays_behind": stays_behind,
        }


def _word(said: Consent | None) -> str:
    if said is None:
        return _("has not been asked")
    return _("agreed") if said.is_granted else _("withdrawn")


def _journeys(kept: Contact, gone: Contact) -> Iterator[str]:
    for twin in (one for one in find_twins(kept, gone) if one.loser.is_open):
        chain = {"chain": twin.loser.chain_name}
        if twin.survivor is None:
            yield _("%(chain)s: the other one has been through, so this passage ends.") % chain
        elif twin.survivor.contact_id == kept.pk:
            yield _("%(chain)s: both are inside; the journey of who stays goes on.") % chain
        else:
            yield _("%(chain)s: both are inside; the journey of who goes is further, and goes on.") % chain
