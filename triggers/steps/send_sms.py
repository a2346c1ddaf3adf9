"""Send an SMS."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.steps.base import steps
from triggers.steps.sending import SendForm, SendStep


class SendSMSForm(SendForm):
    def use_context(self) -> None:
        self.fields["template"].choices = self.context.texts  # type: ignore[attr-defined]


@steps.register
class SendSMS(SendStep):
    key = "send_sms"
    label = _("Send an SMS")
    icon = "✆"
    form_class = SendSMSForm
    sends = "sms"
    sentence = gettext_noop("SMS: %(template)s")
    queued = gettext_noop("SMS “%(template)s” queued")
