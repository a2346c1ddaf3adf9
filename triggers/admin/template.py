"""Templates: the source of letters and texts, checked when saved, and looked at as a chosen contact would get them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone, translation
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from triggers.admin.account_field import account_field, account_problem, has_choice
from triggers.admin.base import STYLES, Page, change_url, link, may_see_contacts
from triggers.admin.glass import PREVIEW_POLICY, behind_glass
from triggers.content.context import preview_context
from triggers.content.letter import (
    CompiledLetter,
    LetterSource,
    RenderedLetter,
    compile_letter,
    letter_problems,
)
from triggers.content.variables import LETTER_VARIABLES, Listed
from triggers.exceptions import RenderError, TemplateError
from triggers.logs import note
from triggers.models import Chain, Channel, Contact, Message, MessageClass, Step, Template

logger = logging.getLogger(__name__)

PARTS = ("subject", "preheader", "html", "text")
UNSUBSCRIBE = "links.unsubscribe"

# Places without a value named after saving; more would not be read.
MOST_WARNINGS = 8


def source_of(data: dict[str, Any] | Any) -> LetterSource:
    """The letter's source from what a form holds."""
    written = {name: str(data.get(name) or "") for name in PARTS}
    if data.get("channel") == Channel.SMS:
        return LetterSource(text=written["text"], channel=Channel.SMS)
    return LetterSource(**written, channel=Channel.EMAIL)


class TemplateForm(forms.ModelForm):
    class Meta:
        model = Template
        fields = ["name", "key", "channel", "message_class", "topic", "account", *PARTS]
        widgets = {
            "html": forms.Textarea(attrs={"rows": 24, "class": "tc-source", "spellcheck": "false"}),
            "text": forms.Textarea(attrs={"rows": 8, "class": "tc-source"}),
            "subject": forms.TextInput(attrs={"class": "vTextField tc-source"}),
            "preheader": forms.TextInput(attrs={"class": "vTextField tc-source"}),
        }
        help_texts = {"key": gettext_lazy("Steps name the template by it, so it stays as it is.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "account" in self.fields:
            self.fields["account"] = account_field(self.instance.account)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors.keys() & {"channel", *PARTS}:
            return data
        wrong = account_problem(data.get("account", ""), data["channel"])
        if wrong:
            self.add_error("account", wrong)
        source = source_of(data)
        for name, problem in letter_problems(source).items():
            self.add_error(name, _in_words(problem))
        if data.get("message_class") == MessageClass.MARKETING:
            self._clean_marketing(data, source)
        return data

    def _clean_marketing(self, data: dict[str, Any], source: LetterSource) -> None:
        """The law of most countries: whoever gets advertising can end it, from the letter itself."""
        if not data.get("topic"):
            self.add_error(
                "topic", _("A marketing template needs a topic that its readers can unsubscribe from.")
            )
        if source.channel == Channel.SMS or self.errors.keys() & set(PARTS):
            return
        part = "html" if source.html.strip() else "text"
        compiled = getattr(compile_letter(source), part)
        if compiled is None or UNSUBSCRIBE not in compiled.uses:
            hint = _("A marketing letter needs an unsubscribe link, for example: %(example)s")
            example = (
                '<a href="{{ links.unsubscribe }}">…</a>' if part == "html" else "{{ links.unsubscribe }}"
            )
            self.add_error(part, ValidationError(hint, params={"example": example}))


class PreviewForm(forms.Form):
    """As whom, and how wide. Its fields are sent along with the template's form, which may not be saved yet."""

    preview_contact = forms.ModelChoiceField(
        Contact.objects.all(), required=False, label=gettext_lazy("As the contact")
    )
    preview_width = forms.ChoiceField(
        label=gettext_lazy("Width"),
        choices=[("desktop", gettext_lazy("computer")), ("phone", gettext_lazy("phone"))],
        initial="desktop",
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, *args: Any, site: admin.AdminSite, with_contacts: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if with_contacts:
            field = Message._meta.get_field("contact")
            attrs = {"form": "template_form", "data-placeholder": _("a made-up customer")}
            widget = AutocompleteSelect(field, site, attrs=attrs)
            widget.choices = self.fields["preview_contact"].choices  # type: ignore[attr-defined]
            self.fields["preview_contact"].widget = widget
        else:
            del self.fields["preview_contact"]


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter made for looking at, or why it could not be made."""

    letter: RenderedLetter | None = None
    problems: tuple[str, ...] = ()


@admin.register(Template)
class TemplateAdmin(Page):
    form = TemplateForm
    change_form_template = "triggers/admin/template_change.html"
    list_display = ["name", "key", "channel", "class_name", "topic", "subject", "updated_at"]
    list_filter = ["channel", "message_class", "topic"]
    list_select_related = ["topic"]
    search_fields = ["name", "key", "subject"]
    readonly_fields = ["used_in"]
    actions = None

    class Media:
        css = STYLES
        js = [Script("triggers/admin/template.js", type="module")]

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> list:
        about: list[Any] = [("name", "key"), ("channel", "message_class", "topic")]
        about += [*(["account"] if has_choice(obj) else []), *(["used_in"] if obj else [])]
        return [(None, {"fields": about}), (_("Content"), {"fields": list(PARTS)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> list[str]:
        return ["key", "used_in"] if obj else ["used_in"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Template | None = None) -> dict:
        return {} if obj else {"key": ["name"]}

    @admin.display(description=gettext_lazy("class"), ordering="message_class")
    def class_name(self, template: Template) -> str:
        return template.get_message_class_display().partition(":")[0]

    @admin.display(description=gettext_lazy("used in"))
    def used_in(self, template: Template) -> SafeString | str:
        chains = _chains_with(template)
        return format_html_join(", ", "{}", ((link(chain),) for chain in chains)) or _("no chain")

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for text in _missing_guards(compile_letter(source_of(form.cleaned_data)))[:MOST_WARNINGS]:
            self.message_user(request, text, messages.WARNING)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        """A template that a chain sends is not deleted from under it."""
        template = self.get_object(request, object_id)
        if template is not None and self.has_delete_permission(request, template):
            chains = _chains_with(template)
            if chains:
                names = ", ".join(str(chain) for chain in chains)
                text = _("The template is used in: %(chains)s. Take it out of their steps first.") % {
                    "chains": names
                }
                self.message_user(request, text, messages.ERROR)
                return HttpResponseRedirect(change_url(template))
        return super().delete_view(request, object_id, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        preview = PreviewForm(site=self.admin_site, with_contacts=may_see_contacts(request))
        context |= {
            "preview": preview,
            "preview_url": reverse("admin:triggers_template_preview"),
            "variables": _grouped(LETTER_VARIABLES.listed()),
            "media": context["media"] + preview.media,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="triggers_template_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The letter that stands in the form, saved or not. A POST because of its size; it changes nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_or_change_permission(request) and not self.has_add_permission(request):
            raise PermissionDenied
        chosen = PreviewForm(request.POST, site=self.admin_site, with_contacts=may_see_contacts(request))
        if chosen.is_valid():
            preview = make_preview(
                source_of(self._written(request)), chosen.cleaned_data.get("preview_contact")
            )
        else:
            preview = Preview(problems=(_("There is no such contact."),))
        theme = request.POST.get("preview_theme", "")
        context = {"preview": preview, "theme": theme if theme in ("light", "dark") else "auto"}
        page = render_to_string("triggers/admin/preview.html", context, request)
        return behind_glass(page, PREVIEW_POLICY)

    def _written(self, request: HttpRequest) -> Any:
        """What stands in the form; for those who may only look, which have no form, what is saved."""
        pk = request.POST.get("preview_saved", "")
        if not pk.isdigit():
            return request.POST
        template = self.get_object(request, pk)
        return {} if template is None else {name: getattr(template, name) for name in (*PARTS, "channel")}


def make_preview(source: LetterSource, contact: Contact | None) -> Preview:
    """The letter as the contact would get it now, in the contact's language and zone; problems in words."""
    problems = letter_problems(source)
    if problems:
        return Preview(problems=tuple(_in_words(one) for one in problems.values()))
    compiled = compile_letter(source)
    try:
        context = preview_context(contact, compiled.uses)
    except Exception as error:
        note(logger, logging.ERROR, "shop.failed_in_preview", error=error)
        return Preview(
            problems=(_("The shop could not say what it knows about this contact; the error is in its log."),)
        )
    language = contact.language if contact and translation.check_for_language(contact.language) else None
    try:
        with (
            translation.override(language or translation.get_language()),
            timezone.override(contact.zone if contact else None),
        ):
            return Preview(letter=compiled.render(context))
    except RenderError as error:
        return Preview(problems=(str(error),))


def _in_words(problem: TemplateError) -> str:
    if problem.line is None:
        return problem.message
    place = {"problem": problem.message, "line": problem.line, "column": problem.column or 1}
    return _("Line %(line)s, column %(column)s: %(problem)s") % place


def _missing_guards(compiled: CompiledLetter) -> list[str]:
    """One sentence for each place where a contact without the value would not get the letter."""
    text = _(
        "%(part)s, line %(line)s: contacts without %(path)s will not get this letter; write a default or an if."
    )
    return [
        text % {"part": part, "line": place.line, "path": place.path}
        for part, places in compiled.unguarded.items()
        for place in places
    ]


def _insertion(variable: Listed) -> str:
    """What the editor writes for a variable of the list."""
    path = variable.path
    if path.endswith("[]"):
        return "{% for item in " + path[:-2] + " %}…{% endfor %}"
    if "[]." in path:
        return "{{ item." + path.rpartition("[].")[2] + " }}"
    return "{{ " + path.replace(".*", ".name") + " }}"


def _grouped(listed: Iterable[Listed]) -> list[tuple[str, list[tuple[Listed, str]]]]:
    """`(word, [(variable, insertion)])`: the variables by the first word of their paths, in the order declared."""
    groups: dict[str, list[tuple[Listed, str]]] = {}
    for one in listed:
        groups.setdefault(one.path.partition(".")[0], []).append((one, _insertion(one)))
    return list(groups.items())


def _chains_with(template: Template) -> QuerySet[Chain]:
    """Chains whose draft sends the template, or whose live version does: its steps are the draft's or older ones."""
    in_draft = Step.objects.filter(config__template=template.key).values("chain")
    # Whatever is live was published with the key in its text; databases cannot search a tree of any depth.
    live = [
        chain.pk
        for chain in Chain.objects.filter(live_version__isnull=False).select_related("live_version")
        if chain.live_version and _sends(chain.live_version.definition.get("steps", []), template.key)
    ]
    return Chain.objects.filter(Q(pk__in=in_draft) | Q(pk__in=live))


def _sends(steps: list[dict[str, Any]], key: str) -> bool:
    return any(
        (isinstance(step["config"], dict) and step["config"].get("template") == key)
        or any(_sends(inside, key) for inside in step.get("branches", {}).values())
        for step in steps
    )
