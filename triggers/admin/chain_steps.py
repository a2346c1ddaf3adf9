"""Pages that change the draft's steps, one at a time: add, edit, move, delete. Every change is a POST."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from triggers.admin.base import Page
from triggers.admin.cards import branch_label, make_card
from triggers.admin.chain_forms import NoteForm, step_form
from triggers.admin.choices import form_context, suggestions
from triggers.admin.pause import pause_banner
from triggers.admin.stale import is_stale, stale_step_text, step_digest
from triggers.engine.draft import add_step, branch_names, change_step, delete_step, move_step
from triggers.exceptions import InvalidChain, InvalidConfig
from triggers.forms import KindForm
from triggers.models import Chain, Step
from triggers.steps import steps


class StepPages(Page):
    """The step views of the chain's admin; who may change chains may use them."""

    def step_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:chain_id>/steps/add/", wrap(self.add_step_view), name="triggers_chain_step_add"),
            path("<int:chain_id>/steps/<int:step_id>/", wrap(self.step_view), name="triggers_chain_step"),
            path(
                "<int:chain_id>/steps/<int:step_id>/move/",
                wrap(self.move_view),
                name="triggers_chain_step_move",
            ),
            path(
                "<int:chain_id>/steps/<int:step_id>/delete/",
                wrap(self.delete_step_view),
                name="triggers_chain_step_delete",
            ),
        ]

    def add_step_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        """First which kind, then its settings. The place comes in the address."""
        chain = self.find_chain(request, chain_id)
        parent_id = _number(request.GET.get("parent"))
        parent = self._step(chain, parent_id)
        if parent is None and parent_id is not None:
            return self._gone(request, chain)
        branch, kind_key = request.GET.get("branch", ""), request.GET.get("kind", "")
        where = _where(parent, branch)
        if not kind_key:
            context = self.page_context(request, chain, _("Add a step")) | {
                "kinds": list(steps),
                "where": where,
                "query": _query(request),
            }
            return TemplateResponse(request, "triggers/admin/step_kinds.html", context)
        if kind_key not in steps:
            return self._refuse(
                request, chain, _("There is no kind of step “%(kind)s”.") % {"kind": kind_key}
            )
        kind = steps.get(kind_key)
        post = request.POST if request.method == "POST" else None
        form, note = step_form(kind.form_class, form_context(chain), {}, post), NoteForm(post)
        if post is not None and form.is_valid() and note.is_valid():
            try:
                step = add_step(
                    chain,
                    kind_key,
                    form.as_config(),
                    parent=parent,
                    branch=branch,
                    position=_number(request.GET.get("position")),
                    note=note.cleaned_data["note"],
                )
            except InvalidConfig as error:
                form.add_error(None, str(error))
            except InvalidChain as error:
                return self._refuse(request, chain, str(error))
            else:
                self.log_change(request, chain, _("Added step %(step)s.") % {"step": step.key})
                sentence = make_card(step.key, step.kind, step.config, {}).sentence
                text = _("The step “%(step)s” was added.") % {"step": sentence}
                self.message_user(request, text, messages.SUCCESS)
                return self.back_to(chain, f"#step-{step.key}")
        return self._form_page(
            request, chain, _("Add a step: %(kind)s") % {"kind": kind.label}, form, note, where=where
        )

    def step_view(self, request: HttpRequest, chain_id: int, step_id: int) -> HttpResponse:
        """The settings of one step; of a kind that is not installed, as they are stored."""
        if request.method != "POST":
            return self._step_page(request, self.find_chain(request, chain_id, "view"), step_id)
        with transaction.atomic():
            # Who saves at the same moment takes turns, so that the second one is told of the first.
            Chain.objects.select_for_update().filter(pk=chain_id).first()
            return self._step_page(request, self.find_chain(request, chain_id), step_id)

    def _step_page(self, request: HttpRequest, chain: Chain, step_id: int) -> HttpResponse:
        step = self._step(chain, step_id)
        if step is None:
            return self._gone(request, chain)
        card = make_card(step.key, step.kind, step.config, {})
        may_change = self.has_change_permission(request, chain)
        if step.kind not in steps or not may_change:
            if request.method == "POST":
                return self._refuse(
                    request, chain, _("A step of an unknown kind cannot be changed, only deleted.")
                )
            context = self.page_context(request, chain, card.sentence) | {
                "card": card,
                "step": step,
                "may_change": may_change,
            }
            return TemplateResponse(request, "triggers/admin/step_raw.html", context)
        post = request.POST if request.method == "POST" else None
        form = step_form(steps.get(step.kind).form_class, form_context(chain), step.config, post)
        note = NoteForm(post, initial={"note": step.note})
        if post is not None and self._save_step(step, form, note, card.sentence):
            self.log_change(request, chain, _("Changed step %(step)s.") % {"step": step.key})
            self.message_user(request, _("The step was saved."), messages.SUCCESS)
            return self.back_to(chain, f"#step-{step.key}")
        return self._form_page(request, chain, card.label, form, note, step=step, seen=step_digest(step))

    def _save_step(self, step: Step, form: KindForm, note: NoteForm, sentence: str) -> bool:
        """Save what was posted, unless the step is no longer what the form showed; errors are put into the form."""
        if is_stale(form.data, step_digest(step)):
            form.add_error(None, stale_step_text(form, sentence, note))
        if not form.is_valid() or not note.is_valid():
            return False
        try:
            change_step(step, form.as_config(), note.cleaned_data["note"])
        except InvalidConfig as error:
            form.add_error(None, str(error))
            return False
        return True

    def move_view(self, request: HttpRequest, chain_id: int, step_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chain = self.find_chain(request, chain_id)
        step = self._step(chain, step_id)
        if step is None:
            return self._gone(request, chain)
        direction = request.POST.get("direction")
        if direction == "up":
            move_step(step, "up")
        elif direction == "down":
            move_step(step, "down")
        else:
            return HttpResponseBadRequest(_("A step moves up or down."))
        return self.back_to(chain, f"#step-{step.key}")

    def delete_step_view(self, request: HttpRequest, chain_id: int, step_id: int) -> HttpResponse:
        """GET asks and says what goes along; POST deletes."""
        chain = self.find_chain(request, chain_id)
        step = self._step(chain, step_id)
        if step is None:
            return self._gone(request, chain)
        if request.method == "POST":
            count = delete_step(step)
            text = ngettext("%(count)s step was deleted.", "%(count)s steps were deleted.", count) % {
                "count": count
            }
            self.log_change(request, chain, f"{step.key}: {text}")
            self.message_user(request, text, messages.SUCCESS)
            return self.back_to(chain, "#steps")
        card = make_card(step.key, step.kind, step.config, {})
        context = self.page_context(request, chain, _("Delete the step?")) | {
            "card": card,
            "step": step,
            "inside": [make_card(one.key, one.kind, one.config, {}) for one in _inside(step)],
        }
        return TemplateResponse(request, "triggers/admin/step_delete.html", context)

    def find_chain(self, request: HttpRequest, chain_id: int, right: str = "change") -> Chain:
        """The chain, for those who may. 404 for a number that was made up."""
        chain = self.get_object(request, str(chain_id))
        allowed = self.has_view_permission if right == "view" else self.has_change_permission
        if not allowed(request, chain):
            raise PermissionDenied
        if chain is None:
            raise Http404(_("There is no such chain."))
        return chain

    def page_context(self, request: HttpRequest, chain: Chain, title: str) -> dict[str, Any]:
        """What every page about one chain gets."""
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "chain": chain,
            "original": chain,
            "title": title,
            "media": self.media,
            **pause_banner(request),
        }

    def back_to(self, chain: Chain, place: str = "") -> HttpResponseRedirect:
        """To the chain's page; `place` is a `#fragment` of it."""
        return HttpResponseRedirect(reverse("admin:triggers_chain_change", args=[chain.pk]) + place)

    def _step(self, chain: Chain, step_id: int | None) -> Step | None:
        """The chain's own step; None for one that is gone, 404 for one of another chain."""
        if step_id is None or step_id >= 2**63:
            return None
        step = Step.objects.filter(pk=step_id).first()
        if step is not None and step.chain_id != chain.pk:
            raise Http404(_("This chain has no such step."))
        return step

    def _gone(self, request: HttpRequest, chain: Chain) -> HttpResponse:
        """For the tab that still shows a step which another one deleted."""
        return self._refuse(request, chain, _("The step is not there any more: it was deleted meanwhile."))

    def _form_page(
        self, request: HttpRequest, chain: Chain, title: str, form: Any, note: NoteForm, **more: Any
    ) -> HttpResponse:
        context = self.page_context(request, chain, title) | {
            "form": form,
            "note": note,
            "media": self.media + form.media,
            "suggestions": suggestions(form.context),
            "query": _query(request),
            **more,
        }
        return TemplateResponse(request, "triggers/admin/step_form.html", context)

    def _refuse(self, request: HttpRequest, chain: Chain, text: str) -> HttpResponse:
        self.message_user(request, text, messages.ERROR)
        return self.back_to(chain, "#steps")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _query(request: HttpRequest) -> str:
    """The place in the address, without the kind."""
    query = request.GET.copy()
    query.pop("kind", None)
    return query.urlencode()


def _where(parent: Step | None, branch: str) -> str:
    if parent is None:
        return ""
    if branch not in branch_names(parent.kind):
        raise Http404(_("This step has no such branch."))
    title = branch_label(parent.kind, branch)
    return _("in “%(branch)s” of %(step)s") % {"branch": title, "step": parent.key}


def _inside(step: Step) -> list[Step]:
    """All steps in the branches of this one, at any depth."""
    children: dict[int | None, list[Step]] = {}
    for one in step.chain.steps.order_by("position", "pk"):
        children.setdefault(one.parent_id, []).append(one)
    found, pending = [], list(children.get(step.pk, ()))
    while pending:
        current = pending.pop(0)
        found.append(current)
        pending[:0] = children.get(current.pk, ())
    return found
