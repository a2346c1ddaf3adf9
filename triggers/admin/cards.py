"""The steps of a chain as cards: a sentence, its branches, its problems. For drafts and for published versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from triggers.admin.base import change_url, pretty_json
from triggers.core.words import say
from triggers.engine.draft import DraftNode
from triggers.engine.problems import Problem
from triggers.entries import entries
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.models import Chain, Template
from triggers.steps import steps


@dataclass(frozen=True, slots=True)
class TemplateLink:
    """A template's name, and the address of its page."""

    name: str
    url: str


@dataclass(slots=True)
class Place:
    """Where a step may be added: the query string of the page that asks which."""

    query: str


@dataclass(slots=True)
class Sequence:
    """Steps one after the other; `title` is the branch's label. `end` is the place after the last, in a draft."""

    title: str
    cards: list[Card]
    end: Place | None = None
    is_gone: bool = False


@dataclass(slots=True)
class Card:
    """One step. `raw` is set for a step that cannot be read: it is shown as it is stored."""

    key: str
    icon: str
    sentence: str
    label: str
    note: str = ""
    raw: SafeString | None = None
    is_first: bool = False
    is_last: bool = False
    pk: int | None = None
    before: Place | None = None
    template: TemplateLink | None = None
    problems: list[str] = field(default_factory=list)
    branches: list[Sequence] = field(default_factory=list)
    standing: int = 0
    paused: int = 0
    sent: int = 0
    queued: int = 0
    sends: bool = False


def draft_cards(
    nodes: Iterable[DraftNode],
    problems: Iterable[Problem],
    templates: Mapping[str, TemplateLink],
    parent: int | None = None,
) -> list[Card]:
    """Cards of a draft's tree. `templates` are those that exist, by key."""
    by_step: dict[str, list[str]] = {}
    for problem in problems:
        by_step.setdefault(problem.step, []).append(problem.text)
    return _draft_cards(list(nodes), by_step, templates, parent, "")


def _draft_cards(
    nodes: list[DraftNode],
    problems: Mapping[str, list[str]],
    templates: Mapping[str, TemplateLink],
    parent: int | None,
    branch: str,
) -> list[Card]:
    cards = []
    for index, node in enumerate(nodes):
        step = node.step
        card = make_card(step.key, step.kind, step.config, templates)
        card.pk, card.note, card.problems = step.pk, step.note, problems.get(step.key, [])
        card.is_first, card.is_last = index == 0, index == len(nodes) - 1
        card.before = Place(_place(parent, branch, index))
        for name, inside in node.branches:
            is_gone = name not in branch_labels(step.kind)
            end = None if is_gone else Place(_place(step.pk, name, len(inside)))
            inner = _draft_cards(list(inside), problems, templates, step.pk, name)
            card.branches.append(Sequence(branch_label(step.kind, name), inner, end, is_gone))
        cards.append(card)
    return cards


def _place(parent: int | None, branch: str, position: int) -> str:
    inside = f"parent={parent}&branch={branch}&" if parent else ""
    return f"{inside}position={position}"


def version_cards(definition: Iterable[Any], templates: Mapping[str, TemplateLink]) -> list[Card]:
    """Cards of the steps that a published version stores."""
    cards = []
    for raw in definition:
        card = make_card(raw["key"], raw["kind"], raw["config"], templates)
        for name, inside in raw.get("branches", {}).items():
            card.branches.append(Sequence(branch_label(raw["kind"], name), version_cards(inside, templates)))
        cards.append(card)
    return cards


def make_card(key: str, kind_key: str, config: Any, templates: Mapping[str, TemplateLink]) -> Card:
    """The card of one step; a step whose kind is gone, or does not read its settings any more, is shown raw."""
    try:
        kind = steps.get(kind_key)
    except UnknownKind:
        unknown = _("Unknown kind of step: %(kind)s") % {"kind": kind_key}
        return Card(key, "⚠", unknown, kind_key, raw=pretty_json(config))
    label = str(kind.label)
    try:
        reason = kind.describe(kind.parse(config))
    except (InvalidConfig, UnknownKind):
        return Card(key, kind.icon, label, label, raw=pretty_json(config), sends=bool(kind.sends))
    template = config.get("template", "") if kind.sends else ""
    return Card(
        key,
        kind.icon,
        say(reason.text, reason.data),
        label,
        sends=bool(kind.sends),
        template=templates.get(template),
    )


def branch_labels(kind_key: str) -> dict[str, str]:
    return {name: str(label) for name, label in steps.get(kind_key).branches} if kind_key in steps else {}


def branch_label(kind_key: str, name: str) -> str:
    return branch_labels(kind_key).get(name, name)


def trigger_sentence(kind_key: str, config: Any) -> str:
    """The trigger in words; says so when there is none or it cannot be read."""
    try:
        kind = entries.get(kind_key)
        reason = kind.describe(kind.parse(config))
    except UnknownKind:
        return _("Unknown trigger: %(kind)s") % {"kind": kind_key} if kind_key else _("No trigger yet")
    except InvalidConfig:
        return _("No trigger yet")
    return say(reason.text, reason.data)


def template_links() -> dict[str, TemplateLink]:
    """The templates by key; one query."""
    return {one.key: TemplateLink(one.name, change_url(one)) for one in Template.objects.only("key", "name")}


def step_url(chain: Chain, step_id: int) -> str:
    return reverse("admin:triggers_chain_step", args=[chain.pk, step_id])
