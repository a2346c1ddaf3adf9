"""Times of day on the contact's own clock."""

from __future__ import annotations

from typing import Any

from django import forms


class ClockInput(forms.TimeInput):
    """The browser's own field for a time. The admin's compares with the clock of the server, which has no say here."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "tc-clock", **(attrs or {})}, format="%H:%M")
