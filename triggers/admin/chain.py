"""Chains: drawn, checked, published and watched here. The steps have pages of their own, see `chain_steps`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from triggers.admin.base import STYLES, Page, pretty_json
from triggers.admin.cards import draft_cards, step_url, template_links, trigger_sentence, version_cards
from triggers.admin.chain_forms import TRIGGER, RuleForm, chain_form, trigger_fields
from triggers.admin.chain_steps import StepPages
from triggers.admin.choices import form_context, suggestions
from triggers.admin.enter import EnterSegment, may_enter
from triggers.admin.event_names import event_warnings
from triggers.admin.pause import pause_banner
from triggers.admin.stale import chain_digest
from triggers.analytics.live import ChainTraffic, chain_traffic, live_counts
from triggers.core.values import JourneyStatus
from triggers.core.words import say
from triggers.delivery.watch import find_alarms
from triggers.engine.draft import draft_tree
from triggers.engine.forecast import Forecast, forecast
from triggers.engine.problems import Problem, find_problems
from triggers.engine.publish import define, pause_chain, publish, resume_chain, sha256_of
from triggers.engine.versions import quiet_of
from triggers.entries import entries
from triggers.exceptions import InvalidChain, UnknownKind
from triggers.forms import FormContext
from triggers.models import Chain, ChainRule, ChainStatus, RuleRole

# Versions listed on the chain's page.
MOST_VERSIONS = 20


class RuleInline(admin.TabularInline):
    model = ChainRule
    form = RuleForm
    extra = 0


@admin.register(Chain)
class ChainAdmin(EnterSegment, StepPages, Page):
    change_list_template = "triggers/admin/chain_list.html"
    change_form_template = "triggers/admin/chain_change.html"
    list_display = ["name", "status_badge", "trigger", "priority", "inside_now", "entered_lately"]
    list_filter = ["status"]
    search_fields = ["name", "key"]
    inlines = [RuleInline]
    actions = None

    class Media:
        css = STYLES
        js = [Script("triggers/admin/chain.js", type="module")]

    # The list

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        response = super().changelist_view(request, pause_banner(request) | (extra_context or {}))
        changes = getattr(response, "context_data", {}).get("cl")
        if changes is not None:
            rows = list(changes.result_list)
            traffic = chain_traffic([chain.pk for chain in rows], timezone.now())
            for chain in rows:
                chain.traffic = traffic.get(chain.pk, ChainTraffic())
            changes.result_list = rows
        return response

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_badge(self, chain: Chain) -> SafeString:
        tone = {ChainStatus.LIVE: "tc-good", ChainStatus.PAUSED: "tc-bad"}.get(ChainStatus(chain.status), "")
        return format_html('<span class="tc-badge {}">{}</span>', tone, chain.get_status_display())

    @admin.display(description=gettext_lazy("trigger"))
    def trigger(self, chain: Chain) -> str:
        return trigger_sentence(chain.entry_kind, chain.entry_config)

    @admin.display(description=gettext_lazy("inside now"))
    def inside_now(self, chain: Any) -> int:
        return chain.traffic.inside

    @admin.display(description=gettext_lazy("entered in 30 days"))
    def entered_lately(self, chain: Any) -> int:
        return chain.traffic.entered

    # The form

    def get_form(
        self, request: HttpRequest, obj: Chain | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = chain_form(self._kind_key(request, obj), form_context(obj))
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Chain | None = None) -> list:
        kind_key = self._kind_key(request, obj)
        about = (_("Chain"), {"fields": [("name", "key"), "description", "priority"]})
        quiet = (_("Quiet hours"), {"fields": [("quiet_from", "quiet_until")]})
        if obj and not self.has_change_permission(request, obj):
            return [about, (_("Trigger"), {"fields": ["trigger"]}), quiet]
        if kind_key not in entries:
            return [about, (_("Trigger"), {"fields": ["entry_kind", "raw_trigger"]}), quiet]
        asked = [f"{TRIGGER}-{name}" for name in trigger_fields(kind_key, FormContext())]
        return [about, (_("Trigger"), {"fields": ["entry_kind", *asked]}), quiet]

    def get_readonly_fields(self, request: HttpRequest, obj: Chain | None = None) -> list[str]:
        shown = [] if self._kind_key(request, obj) in entries else ["raw_trigger"]
        return ["key", *shown] if obj else shown

    def get_prepopulated_fields(self, request: HttpRequest, obj: Chain | None = None) -> dict:
        return {} if obj else {"key": ["name"]}

    def _kind_key(self, request: HttpRequest, obj: Chain | None) -> str:
        """The kind whose form is on the page: the one just chosen, or the saved one."""
        chosen = request.POST.get("entry_kind", "")
        saved = obj.entry_kind if obj else ""
        return chosen if chosen in entries else saved or next(iter(entries)).key

    @admin.display(description=gettext_lazy("settings"))
    def raw_trigger(self, chain: Chain) -> SafeString:
        return pretty_json(chain.entry_config)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only drafts that never ran: a chain that did is part of its contacts' stories."""
        if isinstance(obj, Chain) and (obj.live_version_id or obj.versions.exists()):
            return False
        return super().has_delete_permission(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A new chain wants steps next, so its page stays open."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("The chain was saved. Add its steps below."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:triggers_chain_change", args=[obj.pk]) + "#steps")

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        chain = kwargs.get("obj")
        context |= {"suggestions": suggestions(context["adminform"].form.context), **pause_banner(request)}
        if chain is not None and chain.pk:
            # The row as it is stored: `chain` may hold what was posted and refused.
            stored = self.model._default_manager.get(pk=chain.pk)
            context |= self._drawing(request, chain) | {"seen": chain_digest(stored)}
        return super().render_change_form(request, context, *args, **kwargs)

    def _drawing(self, request: HttpRequest, chain: Chain) -> dict[str, Any]:
        """Status, steps, problems and versions of one chain, for its page."""
        problems = find_problems(chain)
        nodes = draft_tree(chain)
        versions = chain.versions.select_related("published_by").defer("definition")[:MOST_VERSIONS]
        return {
            "chain": chain,
            "chain_trigger": trigger_sentence(chain.entry_kind, chain.entry_config),
            "cards": draft_cards(nodes, problems, template_links()),
            "end_of_chain": f"position={len(nodes)}",
            "event_warnings": event_warnings(chain),
            "chain_problems": [problem for problem in problems if not problem.step],
            "step_problems": [problem for problem in problems if problem.step],
            "versions": versions,
            "live_number": chain.live_version.number if chain.live_version else None,
            "has_news": _has_news(chain),
            "trouble": _trouble(chain),
            "may_change": self.has_change_permission(request, chain),
            "may_publish": may_publish(request),
            "may_enter": may_enter(request),
        }

    # Publishing

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:chain_id>/publish/", wrap(self.publish_view), name="triggers_chain_publish"),
            path("<int:chain_id>/pause/", wrap(self.pause_view), name="triggers_chain_pause"),
            path("<int:chain_id>/resume/", wrap(self.resume_view), name="triggers_chain_resume"),
            path("<int:chain_id>/live/", wrap(self.live_view), name="triggers_chain_live"),
            *self.step_urls(),
            *self.enter_urls(),
            *super().get_urls(),
        ]

    def publish_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        """GET asks: these are the problems, or this becomes live. POST publishes."""
        chain = self._chain_to_publish(request, chain_id)
        if request.method == "POST":
            try:
                version = publish(chain, by=request.user)
            except InvalidChain:
                self.message_user(request, _("The chain cannot run yet, see below."), messages.ERROR)
            else:
                self.log_change(
                    request, chain, _("Published version %(number)s.") % {"number": version.number}
                )
                text = _("Version %(number)s is live.") % {"number": version.number}
                self.message_user(request, text, messages.SUCCESS)
                return self.back_to(chain)
        problems = find_problems(chain)
        nodes = draft_tree(chain)
        context = self.page_context(request, chain, _("Publish the chain?")) | {
            "problems": _linked(chain, problems),
            "event_warnings": event_warnings(chain),
            "cards": draft_cards(nodes, problems, template_links()),
            "chain_trigger": trigger_sentence(chain.entry_kind, chain.entry_config),
            "rules": chain.rules.all(),
            "quiet": chain.quiet,
            "has_news": problems or _has_news(chain),
            "forecast": _forecast(chain) if not problems else None,
            "inside": chain_traffic([chain.pk], timezone.now()).get(chain.pk, ChainTraffic()).inside,
        }
        return TemplateResponse(request, "triggers/admin/chain_publish.html", context)

    def pause_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        return self._switch(
            request,
            chain_id,
            pause_chain,
            _("The chain stands still: nobody enters, nobody moves on, nothing leaves."),
        )

    def resume_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        return self._switch(request, chain_id, resume_chain, _("The chain is live again, from now on."))

    def _switch(self, request: HttpRequest, chain_id: int, verb: Any, said: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chain = self._chain_to_publish(request, chain_id)
        before = chain.status
        verb(chain)
        chain.refresh_from_db(fields=["status"])
        if chain.status == before:
            text = _("Nothing changed: the chain is %(status)s.") % {"status": chain.get_status_display()}
            self.message_user(request, text, messages.WARNING)
        else:
            self.log_change(request, chain, said)
            self.message_user(request, said, messages.SUCCESS)
        return self.back_to(chain)

    def _chain_to_publish(self, request: HttpRequest, chain_id: int) -> Chain:
        if not may_publish(request):
            raise PermissionDenied
        return self.find_chain(request, chain_id, "view")

    def live_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        """What runs now: the published steps, and who stands where. To be read only."""
        chain = self.find_chain(request, chain_id, "view")
        version = chain.live_version
        context = self.page_context(request, chain, _("What is live"))
        if version is not None:
            counts = live_counts(version)
            cards = version_cards(version.definition["steps"], template_links())
            _count_cards(cards, counts)
            entry = version.definition["entry"]
            context |= {
                "version": version,
                "cards": cards,
                "counts": counts,
                "ended": [
                    (label, counts.statuses[status])
                    for status, label in (
                        (JourneyStatus.FINISHED, _("finished")),
                        (JourneyStatus.EXITED, _("left early")),
                        (JourneyStatus.FAILED, _("failed")),
                    )
                ],
                "inside": sum(counts.standing.values()),
                "sent": sum(counts.sent.values()),
                "chain_trigger": trigger_sentence(entry["kind"], entry["config"]),
                "rules": _rules_of(version.definition),
                "quiet": quiet_of(version.definition),
            }
        return TemplateResponse(request, "triggers/admin/chain_live.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chain]:
        return super().get_queryset(request).select_related("live_version").defer("live_version__definition")


def _trouble(chain: Chain) -> str:
    """What the watch says of the chain, "" while all is well."""
    if chain.status == ChainStatus.PAUSED and chain.paused_why:
        return _("It was paused by itself: %(why)s.") % {"why": say(chain.paused_why, chain.paused_data)}
    for alarm in find_alarms(timezone.now(), chain):
        return _("It is watched: %(why)s.") % {"why": say(alarm.reason.text, alarm.reason.data)}
    return ""


def _forecast(chain: Chain) -> Forecast | None:
    return forecast(kind := entries.get(chain.entry_kind), kind.parse(chain.entry_config))


def may_publish(request: HttpRequest) -> bool:
    return request.user.has_perm("triggers.publish_chain")


def _has_news(chain: Chain) -> bool:
    """Whether the draft differs from what is live."""
    if chain.live_version is None:
        return True
    try:
        return sha256_of(define(chain)) != chain.live_version.sha256
    except UnknownKind:
        return True


def _linked(chain: Chain, problems: list[Problem]) -> list[tuple[Problem, str]]:
    """Problems with the address of the page where each can be mended."""
    ids = dict(chain.steps.values_list("key", "pk"))
    page = reverse("admin:triggers_chain_change", args=[chain.pk])
    return [(one, step_url(chain, ids[one.step]) if one.step in ids else page) for one in problems]


def _rules_of(definition: dict) -> list[dict[str, Any]]:
    return [
        {"event": rule["event"], "role": str(role.label)}
        for name, role in (("goals", RuleRole.GOAL), ("exits", RuleRole.EXIT))
        for rule in definition.get(name, ())
    ]


def _count_cards(cards: list, counts: Any) -> None:
    for card in cards:
        card.standing, card.paused = counts.standing[card.key], counts.paused[card.key]
        card.sent, card.queued = counts.sent[card.key], counts.queued[card.key]
        for branch in card.branches:
            _count_cards(branch.cards, counts)
