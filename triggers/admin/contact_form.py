"""The form of a contact: its addresses go through the same door as everywhere else."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from triggers.addresses import parse_email, parse_phone
from triggers.exceptions import InvalidAddress, InvalidEvent
from triggers.models import Contact
from triggers.payloads import clean_data


class ContactForm(forms.ModelForm):
    """Addresses go through the same door as everywhere else, so one mailbox stays one contact."""

    time_zone = forms.ChoiceField(label=_("time zone"), required=False)

    class Meta:
        model = Contact
        fields = [
            "first_name", "last_name", "email", "phone", "external_id", "language", "time_zone", "birthday", "attributes",
        ]  # fmt: skip
        help_texts = {"phone": _("Saved as +49301234567.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("time_zone")
        if isinstance(field, forms.ChoiceField):
            known = sorted(available_timezones() | ({self.instance.time_zone} - {""}))
            usual = _("the shop's (%(zone)s)") % {"zone": settings.TIME_ZONE}
            field.choices = [("", usual), *((name, name) for name in known)]

    def clean_external_id(self) -> str | None:
        return self.cleaned_data["external_id"] or None

    def clean_phone(self) -> str | None:
        text = self.cleaned_data["phone"]
        try:
            return parse_phone(text) if text else None
        except InvalidAddress as error:
            raise ValidationError(
                _("This is not exactly one phone number: %(error)s"), params={"error": error}
            ) from None

    def clean_email(self) -> str:
        text = self.cleaned_data["email"]
        try:
            address = parse_email(text) if text else None
        except InvalidAddress as error:
            raise ValidationError(
                _("This is not exactly one e-mail address: %(error)s"), params={"error": error}
            ) from None
        key = address.key if address else None
        if key and Contact.objects.filter(email_key=key).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Another contact has this address."))
        self.instance.email_key = key
        return address.email if address else ""

    def clean_attributes(self) -> dict[str, Any]:
        attributes = self.cleaned_data["attributes"]
        if attributes and not isinstance(attributes, dict):
            raise ValidationError(_('Attributes have names: {"size": "XL"}'))
        try:
            return clean_data(attributes or {})
        except InvalidEvent as error:
            raise ValidationError(
                _("This cannot be stored: %(error)s"), params={"error": error.problem}
            ) from None
