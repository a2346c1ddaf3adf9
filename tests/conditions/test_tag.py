"""Tags of the contact."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.values import Fact


@pytest.mark.parametrize(
    ("tags", "holds"),
    [({"vip", "new"}, True), ({"VIP"}, False), ({"vip2"}, False), (set(), False), (None, False)],
)
def test_answers(tags: Any, holds: bool) -> None:
    verdict = bind({"kind": "tag", "tag": "vip"}).evaluate(view({Fact("tags"): tags}))
    assert verdict.holds is holds
    assert verdict.seen == sorted(tags or ())
