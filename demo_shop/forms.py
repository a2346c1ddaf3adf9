"""Forms of the shop: everything a visitor sends passes one of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from demo_shop.accounts import CONSENT_TEXT, SMS_CONSENT_TEXT
from demo_shop.models import MOST_PIECES, Enquiry, Order
from demo_shop.models.order import Delivery
from triggers.addresses import parse_phone
from triggers.exceptions import InvalidAddress
from triggers.models import Contact


class PhoneField(forms.CharField):
    """A number that can exist, kept in E.164; may be left empty."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"})
        super().__init__(max_length=40, required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return parse_phone(text)
        except InvalidAddress:
            raise forms.ValidationError(
                _("This is not a phone number. An example: +49 30 23125 142.")
            ) from None


class LowerEmailField(forms.EmailField):
    """Written small, so that one person is one customer."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.EmailInput(attrs={"autocomplete": "email"})
        super().__init__(**{"label": _("E-mail"), "max_length": 150, "widget": widget, **kwargs})

    def clean(self, value: Any) -> str:
        return super().clean(value).lower()


class QuantityForm(forms.Form):
    """How many pieces."""

    quantity = forms.IntegerField(
        label=_("Quantity"),
        min_value=1,
        max_value=MOST_PIECES,
        initial=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


class SearchForm(forms.Form):
    """Words to look for."""

    q = forms.CharField(label=_("Search"), max_length=100, required=False)


class SignUpForm(forms.Form):
    """A new account; the e-mail address is the user name."""

    first_name = forms.CharField(
        label=_("First name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    email = LowerEmailField()
    phone = PhoneField(label=_("Phone"), help_text=_("For the courier, and for texts if you want them."))
    wants_texts = forms.BooleanField(label=SMS_CONSENT_TEXT, required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        help_text=_("At least eight characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    wants_news = forms.BooleanField(label=CONSENT_TEXT, required=False)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(username=email).exists():
            raise forms.ValidationError(_("There is an account with this address already. Log in instead."))
        return email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        details = self.cleaned_data
        _check_phone_for_texts(self, Contact.objects.exclude(email_key=details.get("email")))
        return details


class MessagesForm(forms.Form):
    """Which messages a customer wants."""

    wants_news = forms.BooleanField(label=CONSENT_TEXT, required=False)
    phone = PhoneField(label=_("Phone"))
    wants_texts = forms.BooleanField(label=SMS_CONSENT_TEXT, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        _check_phone_for_texts(self, Contact.objects.exclude(external_id=str(self.user.pk)))
        return self.cleaned_data


def _check_phone_for_texts(form: forms.Form, others: QuerySet[Contact]) -> None:
    """Texts need a number, and one number has one contact: the second would agree and never get any."""
    phone = form.cleaned_data.get("phone")
    # None: the number has a mistake of its own, and that one is said.
    if phone is None or not form.cleaned_data.get("wants_texts"):
        return
    if not phone:
        form.add_error("phone", _("Texts need a phone number."))
    elif others.filter(phone=phone).exists():
        form.add_error("phone", _("This number is another account's. Take a different one for texts."))


class LogInForm(AuthenticationForm):
    """Django's own, asking for the e-mail address. The admin's user name is let through as well."""

    username = forms.CharField(
        label=_("E-mail"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "inputmode": "email"}
        ),
    )

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).lower()


class CheckoutForm(forms.ModelForm):
    """Where the order goes, and how."""

    email = LowerEmailField()
    phone = PhoneField(label=_("Phone"))
    delivery = forms.ChoiceField(label=_("Delivery"), choices=Delivery.choices, widget=forms.RadioSelect)

    class Meta:
        model = Order
        fields = [
            "email",
            "first_name",
            "last_name",
            "street",
            "postcode",
            "city",
            "phone",
            "delivery",
            "note",
        ]
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "street": forms.TextInput(attrs={"autocomplete": "address-line1"}),
            "postcode": forms.TextInput(attrs={"autocomplete": "postal-code"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
        }


class NewsletterForm(forms.Form):
    """An address for the newsletter."""

    email = LowerEmailField()


class EnquiryForm(forms.ModelForm):
    """A question to the shop."""

    email = LowerEmailField()

    class Meta:
        model = Enquiry
        fields = ["name", "email", "subject", "text"]
        labels = {"text": _("Your question")}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "text": forms.Textarea(attrs={"rows": 6, "maxlength": 4000}),
        }

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text) > 4000:
            raise forms.ValidationError(_("Please use at most 4000 characters."))
        return text
