"""Send a letter."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.steps.base import steps
from triggers.steps.sending import SendForm, SendStep


class SendEmailForm(SendForm):
    def use_context(self) -> None:
        self.fields["template"].choices = self.context.letters  # type: ignore[attr-defined]


@steps.register
class SendEmail(SendStep):
    key = "send_email"
    label = _("Send a letter")
    icon = "✉"
    form_class = SendEmailForm
    sends = "email"
    sentence = gettext_noop("Letter: %(template)s")
    queued = gettext_noop("Letter “%(template)s” queued")
