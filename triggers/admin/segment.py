"""Segments: drawn with the chains' own builder of conditions, with a count that follows what stands in the form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from triggers.admin.base import STYLES, Page, link, may_see_contacts
from triggers.admin.choices import form_context, suggestions
from triggers.conditions import bind
from triggers.conditions.fields import ConditionField
from triggers.conf import settings
from triggers.core.words import say
from triggers.engine.audience import contacts_in, criterion_of
from triggers.engine.audience.count import TooSlow, count_and_sample
from triggers.engine.audience.uses import chains_using, segments_using
from triggers.exceptions import InvalidConfig, TriggersError, UnknownKind, UnknownSegment
from triggers.forms import FormContext
from triggers.models import Segment

SAMPLE = 10


class SegmentForm(forms.ModelForm):
    rule = ConditionField(label=gettext_lazy("Who belongs to it"))

    class Meta:
        model = Segment
        fields = ["name", "key", "description", "rule", "is_watched"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        help_texts = {"key": gettext_lazy("Stays as it is: chains and other segments name it.")}

    context = FormContext()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(rule := self.fields.get("rule"), ConditionField):
            rule.use_context(self.context)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        key = self.instance.key or data.get("key") or ""
        if data.get("rule"):
            try:
                criterion_of(data["rule"], inside=(key,))
            except (InvalidConfig, UnknownKind, UnknownSegment) as error:
                self.add_error("rule", ValidationError(str(error)))
        return data


@admin.register(Segment)
class SegmentAdmin(Page):
    form = SegmentForm
    change_form_template = "triggers/admin/segment_change.html"
    list_display = ["name", "rule_sentence", "is_watched", "looked_at"]
    search_fields = ["name", "key"]
    actions = None

    class Media:
        css = STYLES
        js = [Script("triggers/admin/segment.js", type="module")]

    @admin.display(description=gettext_lazy("who belongs to it"))
    def rule_sentence(self, segment: Segment) -> str:
        try:
            reason = bind(segment.rule).describe()
        except (InvalidConfig, UnknownKind) as error:
            return str(error)
        return say(reason.text, reason.data)

    def get_form(
        self, request: HttpRequest, obj: Segment | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        context = form_context(is_for_segment=True)
        if obj is not None:
            others = tuple(pair for pair in context.segments if pair[0] != obj.key)
            context = FormContext(**{**_fields(context), "segments": others})
        kwargs["form"] = type("SegmentForm", (SegmentForm,), {"context": context})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[Any]:
        may_write = obj is None or self.has_change_permission(request, obj)
        return [("name", "key"), "description", "rule" if may_write else "rule_sentence", "is_watched"]

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        return ["key", "rule_sentence"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Segment | None = None) -> dict:
        return {} if obj else {"key": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only what nobody asks for: a chain that starts by a segment that is gone would wait for ever."""
        if isinstance(obj, Segment) and (chains_using(obj.key) or segments_using(obj.key)):
            return False
        return super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        segment = kwargs.get("obj")
        context |= {
            "suggestions": suggestions(form_context()),
            "count_url": reverse("admin:triggers_segment_count"),
            "used_in": _uses(segment) if segment is not None and segment.pk else [],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.count_view)
        return [path("count/", view, name="triggers_segment_count"), *super().get_urls()]

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """How many the rule in the form selects, saved or not. A POST because of its size; it changes nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_or_change_permission(request) and not self.has_add_permission(request):
            raise PermissionDenied
        sample = SAMPLE if may_see_contacts(request) else 0
        return TemplateResponse(request, "triggers/admin/segment_count.html", _counted(request, sample))


def _counted(request: HttpRequest, sample: int) -> dict[str, Any]:
    """What the fragment shows: a count with a sample, or why there is none."""
    saved = request.POST.get("saved", "")
    try:
        rule = saved or _posted_rule(request.POST.get("rule", ""))
        if not rule:
            return {"problems": [_("Say who belongs to it.")]}
        count, contacts = count_and_sample(contacts_in(rule), sample, settings.SEGMENT_SECONDS)
    except ValidationError as error:
        return {"problems": error.messages}
    except TooSlow:
        text = _("Counting takes longer than %(seconds)s seconds. The segment works all the same.")
        return {"problems": [text % {"seconds": f"{settings.SEGMENT_SECONDS:g}"}]}
    except TriggersError as error:
        return {"problems": [str(error)]}
    return {"count": count, "contacts": contacts, "may_see": bool(sample)}


def _posted_rule(text: str) -> Any:
    """The rule as the form would clean it. Raises ValidationError."""
    field = ConditionField()
    field.use_context(form_context(is_for_segment=True))
    return field.clean(text)


def _uses(segment: Segment) -> list[tuple[str, SafeString]]:
    """`(word, link)` of everything that names the segment."""
    chains = [(_("Chain"), link(chain)) for chain in chains_using(segment.key)]
    return [*chains, *((_("Segment"), link(other)) for other in segments_using(segment.key))]


def _fields(context: FormContext) -> dict[str, Any]:
    return {name: getattr(context, name) for name in context.__struct_fields__}
