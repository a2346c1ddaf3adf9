"""Where a segment is used: who deletes it, or changes it, wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from triggers.models import Chain, Segment, Step


def chains_using(key: str) -> list[Chain]:
    """Chains that start by a segment or ask for it, in their draft or their live version."""
    drafts = {step.chain_id for step in Step.objects.only("chain_id", "config") if _names(step.config, key)}
    chains = Chain.objects.select_related("live_version")
    return [
        chain
        for chain in chains
        if chain.pk in drafts
        or _names(chain.entry_config, key)
        or (chain.live_version is not None and _names(chain.live_version.definition, key))
    ]


def segments_using(key: str) -> list[Segment]:
    """Other segments whose rule asks for this one."""
    others = Segment.objects.filter(~Q(key=key))
    return [segment for segment in others if _names(segment.rule, key)]


def _names(raw: Any, key: str) -> bool:
    """Whether a setting `segment` says this key, at any depth."""
    if isinstance(raw, Mapping):
        return raw.get("segment") == key or any(_names(value, key) for value in raw.values())
    return isinstance(raw, list) and any(_names(value, key) for value in raw)
