"""Changes of models as events without code: the rules that somebody made in the admin, in every process within a second.

Whichever process saves, reads the rules anew when its copy is older than a second: one SELECT in a savepoint, at most once a
second and only at saves of models that SOURCE_MODELS names. Where it names none, nothing listens.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from triggers.logs import note
from triggers.models import Change, SourceRule
from triggers.sources.models import Answers, Changed, Created, Deleted, Fell, ModelSource, Occasion, Rose
from triggers.sources.paths import allowed_models, check_contact_path, follow, last_field, walk

logger = logging.getLogger(__name__)

# Seconds that a process believes its copy of the rules.
BELIEVED = 1.0


class RuleSource(ModelSource):
    """All rules of one model as one source, so that they share the looks at the table."""

    def __init__(self, model: type[Model], rules: Sequence[SourceRule]) -> None:
        self.model = model
        pairs = [(occasion_of(rule, model), rule) for rule in rules]
        self.events = [one for one, _rule in pairs]
        # By identity: two rules may say the same of different contacts.
        self._rules = {id(one): rule for one, rule in pairs}

    def answers(self, one: Occasion, instance: Model) -> Answers:
        rule = self._rules[id(one)]
        data: dict[str, Any] = {}
        for path in rule.data_paths:
            _put(data, path.split("."), follow(instance, path))
        return walk(instance, rule.contact_path), data, self.object_ref(instance)


def _put(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Where conditions and letters look for it: `category.name` is the name in the category. Where a shorter path has put
    the category's own value already, the longer one stands beside it under its whole name."""
    *way, last = path
    for step in way:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            data[".".join(path)] = value
            return
        data = inner
    data[last] = value


def occasion_of(rule: SourceRule, model: type[Model]) -> Occasion:
    """What the rule waits for. Raises ValidationError for a value that its field cannot have."""
    if rule.change == Change.CREATED:
        return Created(rule.event)
    if rule.change == Change.DELETED:
        return Deleted(rule.event)
    if rule.change == Change.BECAME:
        return Changed(rule.event, rule.field, model._meta.get_field(rule.field).to_python(rule.value))  # type: ignore[union-attr]
    if rule.change == Change.CHANGED:
        return Changed(rule.event, rule.field)
    kind = Fell if rule.change == Change.FELL else Rose
    return kind(rule.event, rule.field, percent=float(rule.percent or 0))


def connect() -> None:
    """Listen to the models that SOURCE_MODELS names."""
    for model in allowed_models():
        name = f"triggers.rules.{model._meta.label}"
        pre_save.connect(_saving, sender=model, dispatch_uid=name)
        post_save.connect(_saved, sender=model, dispatch_uid=name)
        pre_delete.connect(_deleting, sender=model, dispatch_uid=name)
        post_delete.connect(_deleted, sender=model, dispatch_uid=name)
    post_save.connect(_forget, sender=SourceRule, dispatch_uid="triggers.rules.forget")
    post_delete.connect(_forget, sender=SourceRule, dispatch_uid="triggers.rules.forget")


class _Copy:
    """What this process knows of the rules."""

    def __init__(self) -> None:
        self.read_at = float("-inf")
        self.sources: Mapping[type[Model], RuleSource] = {}


_copy = _Copy()


def forget() -> None:
    """The next save reads the rules."""
    _copy.read_at = float("-inf")


def _forget(**kwargs: Any) -> None:
    forget()


def source_of(model: type[Model]) -> RuleSource | None:
    """The rules of a model as they are now, or were a second ago."""
    now = time.monotonic()
    if now - _copy.read_at > BELIEVED:
        # Before they are read: a table that cannot be read is not asked at every save either.
        _copy.read_at = now
        with transaction.atomic():
            _copy.sources = _read()
    return _copy.sources.get(model)


def _read() -> dict[type[Model], RuleSource]:
    by_label: dict[str, list[SourceRule]] = {}
    for rule in SourceRule.objects.filter(is_on=True).order_by("pk"):
        by_label.setdefault(rule.model.lower(), []).append(rule)
    sources = {}
    for model in allowed_models():
        rules = [one for one in by_label.get(model._meta.label_lower, ()) if _still_fits(one, model)]
        if rules:
            sources[model] = RuleSource(model, rules)
    return sources


def _still_fits(rule: SourceRule, model: type[Model]) -> bool:
    """The setting or the model may have changed since the rule was saved."""
    try:
        check_rule(rule, model)
    except Exception as error:
        note(logger, logging.ERROR, "rule.does_not_fit", rule=rule.pk, model=rule.model, error=error)
        return False
    return True


def check_rule(rule: SourceRule, model: type[Model]) -> None:
    """Raises ValidationError by form field for a rule that cannot work."""
    problems: dict[str, Any] = {}
    checks: dict[str, Callable[[], Any]] = {
        "contact_path": lambda: check_contact_path(model, rule.contact_path),
        "data_paths": lambda: [last_field(model, path) for path in rule.data_paths],
    }
    if rule.change not in (Change.CREATED, Change.DELETED):
        checks["field"] = lambda: last_field(model, rule.field)
    for name, check in checks.items():
        try:
            check()
        except ValidationError as error:
            problems[name] = error
    if not problems and rule.change == Change.BECAME:
        try:
            occasion_of(rule, model)
        except ValidationError as error:
            problems["value"] = error
    if problems:
        raise ValidationError(problems)


def _saving(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    source = _asked(sender)
    # Another rule may be read before the save is over, and a receiver may save the row again inside of this save.
    instance.__dict__.setdefault("_triggers_rules", []).append(source)
    if source:
        source.saving(instance, **kwargs)


def _saved(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    started = instance.__dict__.get("_triggers_rules")
    source = started.pop() if started else None
    if source:
        source.saved(instance, **kwargs)


def _deleting(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    source = _asked(sender)
    instance.__dict__["_triggers_rules:parting"] = source
    if source:
        source.deleting(instance, **kwargs)


def _deleted(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    source = instance.__dict__.pop("_triggers_rules:parting", None)
    if source:
        source.deleted(instance, **kwargs)


def _asked(model: type[Model]) -> RuleSource | None:
    """The shop's save goes on whatever is wrong with our table."""
    try:
        return source_of(model)
    except Exception as error:
        note(logger, logging.ERROR, "rules.not_read", error=error)
        return None
