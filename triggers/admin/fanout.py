"""Fan-outs: which occasions have come, and how far their contacts have been let in. To be read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from triggers.admin.base import ReadOnlyPage, pretty_json
from triggers.admin.cards import trigger_sentence
from triggers.engine.fan_out import try_again
from triggers.models import EVERYWHERE, Fanout, FanoutState

TONES = {FanoutState.DONE: "tc-good", FanoutState.SKIPPED: "tc-bad", FanoutState.FAILED: "tc-bad"}


@admin.register(Fanout)
class FanoutAdmin(ReadOnlyPage):
    list_display = ["sentence", "state_badge", "entered", "occasion", "where", "due_at"]
    list_filter = ["state", "due_at"]
    ordering = ["-pk"]
    actions = ["go_on"]
    fields = [
        *(
            "sentence",
            "occasion",
            "where",
            "segment",
            "due_at",
            "state_badge",
            "entered",
            "next_at",
            "ended_at",
        ),
        *("error", "pretty_data"),
    ]

    @admin.display(description=_("trigger"))
    def sentence(self, fanout: Fanout) -> str:
        return trigger_sentence(fanout.kind, fanout.config)

    @admin.display(description=_("occasion"), ordering="slot")
    def occasion(self, fanout: Fanout) -> str:
        return fanout.slot.replace("T", " ")

    @admin.display(description=_("time zone"), ordering="zone")
    def where(self, fanout: Fanout) -> str:
        if fanout.zone == EVERYWHERE:
            return str(_("everywhere"))
        return fanout.zone or str(_("not known: the shop's"))

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, fanout: Fanout) -> SafeString:
        tone = TONES.get(FanoutState(fanout.state), "")
        return format_html('<span class="tc-badge {}">{}</span>', tone, fanout.get_state_display())

    @admin.display(description=_("data"))
    def pretty_data(self, fanout: Fanout) -> SafeString:
        return pretty_json(fanout.data)

    @admin.action(description=_("Go on with the failed ones"), permissions=["act"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = try_again(queryset)
        text = ngettext("%(count)s fan-out goes on.", "%(count)s fan-outs go on.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
