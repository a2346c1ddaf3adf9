"""Which models and fields of the shop somebody may pick in the admin, and the paths through them."""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from triggers.conf import settings
from triggers.models import Contact

# Whoever names a field so keeps something in it that no letter may say and no event may hold.
SECRET = re.compile(r"passw|passphrase|secret|token|credential|encrypt|signature|cvv|cvc", re.IGNORECASE)
SECRET_WORDS = {
    "key",
    "apikey",
    "card",
    "pan",
    "pin",
    "iban",
    "otp",
    "salt",
    "hash",
    "digest",
    "ssn",
    "session",
}
SECRET_TYPES = (models.BinaryField, models.FileField)
MOST_STEPS = 5


def allowed_models() -> list[type[Model]]:
    """The models of SOURCE_MODELS that are installed, in their order."""
    found = []
    for label in settings.SOURCE_MODELS:
        try:
            found.append(apps.get_model(label))
        except (LookupError, ValueError):
            # The system check names it.
            continue
    return found


def allowed_fields(model: type[Model]) -> list[str]:
    """Columns of the model that the setting lists, without what looks like a secret, be it listed or not."""
    listed = {label.lower(): names for label, names in settings.SOURCE_MODELS.items()}
    names = listed.get(model._meta.label_lower, ())
    columns = {field.name: field for field in model._meta.concrete_fields}
    return [name for name in names if name in columns and not is_secret(columns[name])]


def is_secret(field: Any) -> bool:
    words = set(field.name.lower().split("_"))
    is_odd_type = isinstance(field, SECRET_TYPES) or bool(SECRET.search(type(field).__name__))
    return is_odd_type or bool(SECRET.search(field.name)) or bool(words & SECRET_WORDS)


def last_field(model: type[Model], path: str) -> Any:
    """The field that a path with dots leads to. Raises ValidationError that names the part which is wrong."""
    parts = path.split(".")
    if len(parts) > MOST_STEPS:
        raise ValidationError(
            _("“%(path)s” has more than %(most)s parts."), params={"path": path, "most": MOST_STEPS}
        )
    for part in parts[:-1]:
        field = _field(model, part, path)
        if not field.is_relation:
            text = _("“%(path)s”: %(part)s leads to no other model.")
            raise ValidationError(text, params={"path": path, "part": part})
        model = field.related_model
    return _field(model, parts[-1], path)


def check_contact_path(model: type[Model], path: str) -> None:
    """Raises ValidationError for a path that does not end at a user, a contact or a text."""
    field = last_field(model, path)
    if field.is_relation:
        is_somebody = issubclass(field.related_model, (get_user_model(), Contact))
    else:
        is_somebody = isinstance(field, models.CharField | models.TextField)
    if not is_somebody:
        text = _("“%(path)s” ends neither at a user nor at a text with an e-mail address.")
        raise ValidationError(text, params={"path": path})


def follow(instance: Any, path: str) -> Any:
    """What stands at the end of a path; None where a part of it is empty. Of another row, its key."""
    value = walk(instance, path)
    return value.pk if isinstance(value, Model) else value


def walk(instance: Any, path: str) -> Any:
    for part in path.split("."):
        instance = getattr(instance, part) if instance is not None else None
    return instance


def _field(model: type[Model], name: str, path: str) -> Any:
    allowed = allowed_fields(model)
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        field = None
    if field is None or name not in allowed:
        text = _("“%(path)s”: %(name)s is none of the fields of %(model)s that may be used: %(allowed)s.")
        shown = ", ".join(allowed) or "–"
        raise ValidationError(
            text, params={"path": path, "name": name, "model": model._meta.label, "allowed": shown}
        )
    return field
