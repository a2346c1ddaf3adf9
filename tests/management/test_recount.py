"""`triggers_recount` counts the days it is told to, and refuses what is no number of days."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.build import draft_chain, make_contact
from triggers.models import ChainDay, Message

pytestmark = pytest.mark.django_db


def test_the_last_days_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    now = timezone.now()
    Message.objects.create(
        contact=make_contact(agrees=False), chain=draft_chain([]), channel="email", template_key="x", state="bounced",
        lane="email.marketing", message_class="marketing", created_at=now, send_after=now, accepted_at=now,
    )  # fmt: skip
    call_command("triggers_recount")
    assert "counts made anew: 1" in capsys.readouterr().out
    assert list(ChainDay.objects.values_list("sent", "bounced")) == [(1, 1)]


@pytest.mark.parametrize("days", ["0", "-1", "999999999"])
def test_days_that_are_none(days: str) -> None:
    with pytest.raises(CommandError, match="--days"):
        call_command("triggers_recount", f"--days={days}")
