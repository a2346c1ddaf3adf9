"""Topics: what a contact can unsubscribe from."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from triggers.admin.base import Page
from triggers.models import Topic


@admin.register(Topic)
class TopicAdmin(Page):
    list_display = ["name", "key", "description", "templates", "refusals"]
    # Said again, because the order of the model is lost where rows are counted.
    ordering = ["name"]
    search_fields = ["name", "key"]
    prepopulated_fields = {"key": ["name"]}
    fields = ["name", "key", "description"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return (
            super()
            .get_queryset(request)
            .annotate(templates=Count("template", distinct=True), refusals=Count("opt_outs", distinct=True))
        )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Topic | None = None) -> dict:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    @admin.display(description=_("templates"))
    def templates(self, topic: Topic) -> int:
        return topic.templates  # type: ignore[attr-defined]

    @admin.display(description=_("unsubscribed"))
    def refusals(self, topic: Topic) -> int:
        return topic.refusals  # type: ignore[attr-defined]
