"""Mail backends of Django and Anymail with what a sender must know besides.

A backend may have, and one of the host's own as well:
- `may_have_left`: after an error, whether the provider may have the message all the same;
- `key_seconds`: how long the provider knows a message again by its uid (`metadata["triggers_message"]`) and takes it once;
- `judge(error)`: the outcome of an error that only this provider makes, or None.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

# In place of these, ours are used: they take the same options.
OURS = {
    "django.core.mail.backends.smtp.EmailBackend": "triggers.delivery.backends.smtp.EmailBackend",
    "anymail.backends.amazon_ses.EmailBackend": "triggers.delivery.backends.amazon_ses.EmailBackend",
    "anymail.backends.brevo.EmailBackend": "triggers.delivery.backends.brevo.EmailBackend",
    "anymail.backends.resend.EmailBackend": "triggers.delivery.backends.resend.EmailBackend",
}


def backend_class(path: str | None) -> Any:
    """The backend of an account: `path` is its BACKEND, None for Django's EMAIL_BACKEND."""
    path = path or django_settings.EMAIL_BACKEND
    return import_string(OURS.get(path, path))
