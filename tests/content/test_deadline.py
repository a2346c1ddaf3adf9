"""A letter that takes too long is stopped where its work is counted; a preview and a sender see the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from triggers.content.letter import LetterSource, compile_letter, compile_text
from triggers.exceptions import RenderError

SAYS = "it took longer than 5 seconds"


class Clock:
    """Each look at it costs `step` seconds."""

    def __init__(self) -> None:
        self.now, self.step = 100.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@dataclass(frozen=True)
class Item:
    """A value of the shop's whose property asks something slow."""

    seconds: float

    @property
    def name(self) -> str:
        _slow_query(self.seconds)
        return "Lamp"


def _slow_query(seconds: float) -> None:
    time.monotonic.now += seconds  # type: ignore[attr-defined]


@pytest.mark.parametrize(("seconds", "fails"), [(4.9, False), (5.1, True)])
def test_a_lazy_value_of_the_shop(clock: Clock, seconds: float, fails: bool) -> None:
    letter = compile_text("{{ item.name }}", None)
    context: dict[str, Any] = {"item": Item(seconds)}
    if fails:
        with pytest.raises(RenderError, match=SAYS):
            letter.render(context)
    else:
        assert letter.render(context).text == "Lamp"


@pytest.mark.parametrize(
    "source",
    [
        "{% for row in rows %}{{ row|upper }}{% endfor %}",
        # A condition swallows errors, this one must not be.
        "{% for row in rows %}{% if row|upper == 'X' %}yes{% endif %}{% endfor %}",
    ],
)
def test_the_work_of_the_template_itself(clock: Clock, source: str) -> None:
    letter = compile_text(source, None)
    rows = {"rows": ["a"] * 90}
    letter.render(rows)
    clock.step = 0.1
    with pytest.raises(RenderError, match=SAYS):
        letter.render(rows)


def test_the_parts_of_a_letter_share_one_clock(clock: Clock) -> None:
    """Each for itself would be quick enough."""
    part = "{% for row in rows %}{{ row|upper }}{% endfor %}"
    clock.step = 0.1
    rows = {"rows": ["a"] * 20}
    assert "A" in compile_letter(LetterSource("x", "", f"<p>{part}</p>", ""), None).render(rows).html
    with pytest.raises(RenderError, match=SAYS):
        compile_letter(LetterSource(part, part, f"<p>{part}</p>", ""), None).render(rows)


def test_it_is_a_setting(clock: Clock, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "RENDER_SECONDS": 0.5}
    with pytest.raises(RenderError, match=r"longer than 0\.5 seconds"):
        compile_text("{{ item.name }}", None).render({"item": Item(1)})
