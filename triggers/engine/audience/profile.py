"""What the contact is: fields, attributes, tags, consents."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import JSONObject

from triggers.core.criteria import ConsentIs, FieldIs, HasTag, OptedOut
from triggers.engine.audience.data import Fits
from triggers.engine.audience.where import translates
from triggers.models import Consent, ContactTag, OptOut

# The only columns that a rule may name. A name that came from outside is looked up here, and never used itself.
COLUMNS = {
    name: name for name in ("email", "phone", "first_name", "last_name", "language", "time_zone", "birthday")
}


@translates(FieldIs)
def _field_is(criterion: FieldIs, now: datetime) -> Q:
    if criterion.field.startswith("attributes."):
        name = criterion.field.removeprefix("attributes.")
        return Q(Fits("attributes", (name,), criterion.op, criterion.value))
    column = COLUMNS[criterion.field]
    return Q(Fits(JSONObject(value=column), ("value",), criterion.op, criterion.value))


@translates(HasTag)
def _has_tag(criterion: HasTag, now: datetime) -> Q:
    return Q(Exists(ContactTag.objects.filter(contact=OuterRef("pk"), name=criterion.tag)))


@translates(ConsentIs)
def _consent_is(criterion: ConsentIs, now: datetime) -> Q:
    said = Consent.objects.filter(contact=OuterRef("pk"), channel=criterion.channel)
    if criterion.answer == "unknown":
        return ~Q(Exists(said))
    return Q(Exists(said.filter(is_granted=criterion.answer == "granted")))


@translates(OptedOut)
def _opted_out(criterion: OptedOut, now: datetime) -> Q:
    return Q(Exists(OptOut.objects.filter(contact=OuterRef("pk"), topic__key=criterion.topic)))
