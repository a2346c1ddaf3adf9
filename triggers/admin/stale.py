"""Two tabs, or two people, must not overwrite each other unseen: a form carries the digest of what it showed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from triggers.conditions.fields import ConditionField
from triggers.models import Chain, ChainRule, Step

# The hidden input that carries the digest; a request without it (a script's) claims to have seen nothing.
SEEN = "seen"


def step_digest(step: Step) -> str:
    """Digest of what a step's form edits."""
    return _digest([step.config, step.note])


def chain_digest(chain: Chain) -> str:
    """Digest of what a chain's form edits, its ending events included; one query."""
    rules = chain.rules.values_list("pk", "role", "event", "filters", "same_object")
    written = [chain.name, chain.description, chain.entry_kind, chain.entry_config]
    written += [chain.priority, chain.quiet_from, chain.quiet_until]
    return _digest([written, list(rules.order_by("pk"))])


def is_stale(data: Mapping[str, Any], digest: str) -> bool:
    """Whether the posted form was made from something else than what is stored now."""
    return data.get(SEEN, digest) != digest


def stale_step_text(form: forms.Form, sentence: str, note: forms.Form) -> str:
    """The error of a step's stale form; the forms' initial values are what is stored now."""
    return _stale_text(sentence, *_stored_values(form), *_stored_values(note))


def stale_chain_text(form: forms.BaseForm, chain: Chain) -> str:
    """The error of a chain's stale form. Its ending events are always named: they have forms of their own."""
    rules = ", ".join(_rule_text(rule) for rule in chain.rules.order_by("pk")) or _("none")
    return _stale_text(*_stored_values(form), _("Ending events: %(events)s") % {"events": rules})


def _stale_text(*stored: str) -> str:
    text = _(
        "This was changed meanwhile, in another tab or by somebody else, and your changes are not saved yet."
    )
    now = _("What is stored now – %(values)s.") % {"values": "; ".join(stored)}
    return " ".join((text, now, _("Saving again replaces it with what stands below.")))


def _rule_text(rule: ChainRule) -> str:
    return f"{rule.event} ({rule.get_role_display().partition(':')[0]})"


def _stored_values(form: forms.BaseForm) -> list[str]:
    """`label: value` of each field whose stored value differs from what was posted.

    A condition has no short value of its own; the step's sentence says it.
    """
    return [
        f"{form[name].label}: {_shown(field, form.initial.get(name))}"
        for name, field in form.fields.items()
        if name in form.changed_data and not isinstance(field, ConditionField)
    ]


def _shown(field: forms.Field, value: Any) -> str:
    """A stored value as a person reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value in (None, "", [], ()):
        return _("nothing")
    choices: Any = getattr(field, "choices", None) or getattr(field.widget, "choices", ())
    labels = {str(key): str(label) for key, label in choices}
    if isinstance(value, list | tuple) and labels:
        return ", ".join(labels.get(str(one), str(one)) for one in value)
    text = str(field.prepare_value(value)).replace("\n", ", ")
    return labels.get(text, text)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]
