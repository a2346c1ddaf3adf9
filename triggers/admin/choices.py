"""What exists in this shop and can be chosen in the forms of the kinds."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from triggers.conditions.fields import SUGGESTED
from triggers.core.events import STANDARD_EVENTS
from triggers.forms import FormContext
from triggers.models import Chain, ChainRule, Channel, ContactTag, Event, Segment, Template, Topic
from triggers.shop import get_adapter
from triggers.steps import steps

# Newest events looked at for names the shop has made up.
EVENTS_LOOKED_AT = 2_000
MOST_TAGS = 300


def form_context(chain: Chain | None = None, *, is_for_segment: bool = False) -> FormContext:
    """Everything a kind's form may offer; eight queries."""
    templates = list(Template.objects.values_list("key", "name", "channel"))
    return FormContext(
        letters=tuple((key, name) for key, name, channel in templates if channel == Channel.EMAIL),
        texts=tuple((key, name) for key, name, channel in templates if channel == Channel.SMS),
        events=known_events(),
        tags=tuple(ContactTag.objects.order_by("name").values_list("name", flat=True).distinct()[:MOST_TAGS]),
        shop_facts=tuple((name, str(label)) for name, label in get_adapter().facts.items()),
        message_steps=_message_steps(chain),
        segments=tuple(Segment.objects.values_list("key", "name")),
        topics=tuple(Topic.objects.values_list("key", "name")),
        is_for_segment=is_for_segment,
    )


def known_events() -> tuple[tuple[str, str], ...]:
    """`(name, label)` of every event that is standard, wanted by a chain, or has happened lately; three queries."""
    known = {name: str(label) for name, label in STANDARD_EVENTS.items()}
    seen = recorded_lately()
    seen.update(ChainRule.objects.values_list("event", flat=True))
    for config in Chain.objects.values_list("entry_config", flat=True):
        if isinstance(config, dict) and isinstance(config.get("event"), str):
            seen.add(config["event"])
    return tuple(known.items()) + tuple((name, name) for name in sorted(seen - set(known) - {""}))


def recorded_lately() -> set[str]:
    """Names of the newest events; one query."""
    return set(Event.objects.order_by("-pk").values_list("name", flat=True)[:EVENTS_LOOKED_AT])


def suggest(form: forms.Form) -> None:
    """Let text fields of the form suggest what exists; the page holds the lists."""
    for name, field in form.fields.items():
        if name in SUGGESTED and isinstance(field.widget, forms.TextInput):
            field.widget.attrs["list"] = SUGGESTED[name]


def ask_to_choose(form: forms.Form) -> None:
    """Nobody sends a letter only because it was the first of the list: what has no usual value starts empty."""
    for field in form.fields.values():
        is_one = isinstance(field, forms.ChoiceField) and type(field.widget) is forms.Select
        if is_one and field.required and field.initial is None:
            field.choices = [("", _("choose…")), *field.choices]  # type: ignore[attr-defined]


def suggestions(context: FormContext) -> dict[str, tuple[tuple[str, str], ...]]:
    """The lists of the page by their ids, as `(value, label)`."""
    return {"tc-events": context.events, "tc-tags": tuple((name, "") for name in context.tags)}


def _message_steps(chain: Chain | None) -> tuple[tuple[str, str], ...]:
    if chain is None or chain.pk is None:
        return ()
    drafts = chain.steps.order_by("pk")
    return tuple((step.key, step.key) for step in drafts if step.kind in steps and steps.get(step.kind).sends)
