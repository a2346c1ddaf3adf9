"""Every error this package raises on purpose; catch `TriggersError` for all of them."""

from __future__ import annotations

from collections.abc import Sequence


class TriggersError(Exception):
    """Base of all errors raised by triggers."""


class KindError(TriggersError):
    """A step, condition, entry or source kind is malformed, or its key is taken."""


class UnknownKind(TriggersError):
    """A saved kind is not installed; the app that brought it is gone or renamed."""

    def __init__(self, family: str, key: str) -> None:
        self.family, self.key = family, key
        super().__init__(f"unknown {family} kind {key!r}")


class InvalidConfig(TriggersError):
    """The saved settings of a step, condition or entry do not fit its kind."""


class NotInSegments(InvalidConfig):
    """The condition asks about a journey or a live fact, so it cannot select from all contacts."""


class UnknownSegment(TriggersError):
    """There is no segment with this key."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"there is no segment {key!r}")


class SegmentCycle(InvalidConfig):
    """A segment asks about itself, by way of `path`, its keys in order."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(f"a segment cannot ask about itself: {' → '.join(path)}")


class InvalidEvent(TriggersError):
    """An event was refused at the door; `field` is the path of the bad value, e.g. `data.items[3].price`."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


class InvalidAddress(TriggersError):
    """The text is not exactly one e-mail address or one phone number."""


class InvalidChain(TriggersError):
    """A chain cannot run; `problems` says which step and why, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in problems))


class MergeRefused(TriggersError):
    """Two contacts cannot become one; the text says why."""


class TemplateError(TriggersError):
    """A template was refused when it was compiled; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.message, self.line, self.column = message, line, column
        where = f" (line {line}, column {column})" if line else ""
        super().__init__(f"{message}{where}")


class RenderError(TriggersError):
    """A template compiled, but this message cannot be made from it; only this message fails."""


class ShopFailed(TriggersError):
    """The shop adapter raised; who needs its answer is put off and asked about again."""


class SendCancelled(TriggersError):
    """Raise from a `message_sending` receiver to stop that one message; the text is kept as its reason."""
