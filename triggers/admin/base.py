"""What the pages share: rows that are only looked at, counting that ends, links that ask for rights first."""

from __future__ import annotations

import json
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DataError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

STYLES = {"all": ["triggers/admin/admin.css"]}

# Rows a list counts; counting ten million takes longer than anybody looks.
MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than MOST_COUNTED; who looks for older rows narrows the list."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Model]", self.object_list)
        return rows.order_by()[:MOST_COUNTED].count()

    @property
    def is_cut(self) -> bool:
        return self.count >= MOST_COUNTED


class ListedFilter(admin.SimpleListFilter):
    """Filters the column `parameter_name` by one of the values that it lists; Django's `?e=1` for any other."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if not value:
            return queryset
        if value not in dict(self.lookup_choices):
            raise IncorrectLookupParameters
        return queryset.filter(**{str(self.parameter_name): value})


class Page(admin.ModelAdmin):
    """Base of our pages: their style sheet, lists that do not count everything, addresses that nobody can break."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = STYLES

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, or Django's `?e=1` for a filter whose value no column can hold: NUL, a number of twenty digits."""
        try:
            # A savepoint, because PostgreSQL ends a transaction at the first error.
            with transaction.atomic():
                return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row, or None; also for a text that no key can be."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Without NUL, which the search box refuses, but not the address that select boxes ask."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))


class ReadOnlyPage(Page):
    """Rows that the engine owns: to be looked at and acted on, never written by a form.

    Actions with `permissions=["act"]` are for those who may change the model.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, "view", self.model) or self.has_act_permission(request)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return may(request, "change", self.model)


class ContactColumn(Page):
    """A list that names contacts to those who may see contacts, and numbers them to the others."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        hidden = None if may_see_contacts(request) else "contact_number"
        return [hidden if hidden and name == "contact_link" else name for name in self.list_display]

    @admin.display(description=_("contact"), ordering="contact")
    def contact_link(self, row: Any) -> SafeString:
        return link(row.contact)

    @admin.display(description=_("contact"), ordering="contact")
    def contact_number(self, row: Any) -> str:
        return f"#{row.contact_id}"

    def contact_field(self, request: HttpRequest) -> str:
        return "contact_link" if may_see_contacts(request) else "contact_number"


def may(request: HttpRequest, action: str, model: type[Model]) -> bool:
    """Whether the user has one of Django's four rights on a model of ours."""
    return request.user.has_perm(f"triggers.{action}_{model._meta.model_name}")


def may_see_contacts(request: HttpRequest) -> bool:
    return request.user.has_perm("triggers.view_contact") or request.user.has_perm("triggers.change_contact")


def change_url(row: Model) -> str:
    return reverse(f"admin:triggers_{row._meta.model_name}_change", args=[row.pk])


def link(row: Model, text: Any = None) -> SafeString:
    return format_html('<a href="{}">{}</a>', change_url(row), str(row) if text is None else text)


def pretty_json(value: Any) -> SafeString:
    """JSON as a person reads it, escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return format_html('<pre class="tc-json">{}</pre>', text.encode(errors="replace").decode())
