"""Which variables a letter may name, with a label for the person who writes it and whether the value can be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Label = str | Promise


@dataclass(frozen=True, slots=True)
class Field:
    """One value: text, a number, a date."""

    label: Label
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """Named values under one name."""

    label: Label
    fields: Mapping[str, Shape]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list for `{% for %}`; `each` is the shape of one item."""

    label: Label
    each: Shape
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Anything:
    """A tree only the data knows: whatever was sent with an event, whatever a shop keeps about its contacts."""

    label: Label
    may_be_empty: bool = True


Shape = Field | Fields | Items | Anything


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list beside the editor; `path` is written as in a template, `[]` after a list and `*` for an open tree."""

    path: str
    label: str
    may_be_empty: bool


@dataclass(frozen=True, slots=True)
class Variables:
    """The names at the top of a template's context, and the shape of each."""

    fields: Mapping[str, Shape]

    def listed(self) -> list[Listed]:
        """Every value a template can show, in the order declared, labels in the active language."""
        return list(_listed("", self.fields, False))

    def choices(self) -> list[tuple[str, str]]:
        """`(path, label)` of the same."""
        return [(entry.path, entry.label) for entry in self.listed()]

    def with_fields(self, **fields: Shape) -> Variables:
        """These variables and some more."""
        return Variables({**self.fields, **fields})


def _listed(prefix: str, fields: Mapping[str, Shape], may_be_empty: bool) -> Iterator[Listed]:
    for name, shape in fields.items():
        path, empty = prefix + name, may_be_empty or shape.may_be_empty
        if isinstance(shape, Fields):
            yield from _listed(f"{path}.", shape.fields, empty)
        elif isinstance(shape, Items):
            yield Listed(f"{path}[]", str(shape.label), empty)
            if isinstance(shape.each, Fields):
                yield from _listed(f"{path}[].", shape.each.fields, False)
        elif isinstance(shape, Anything):
            yield Listed(f"{path}.*", str(shape.label), empty)
        else:
            yield Listed(path, str(shape.label), empty)


ITEM = Fields(
    _("Item"),
    {
        "name": Field(_("Item: name")),
        "price": Field(_("Item: price of one")),
        "quantity": Field(_("Item: quantity")),
        "total": Field(_("Item: price times quantity")),
        "url": Field(_("Item: page address"), may_be_empty=True),
        "image_url": Field(_("Item: picture address"), may_be_empty=True),
        "ref": Field(_("Item: reference in the shop")),
    },
)

TEXT_VARIABLES = Variables(
    {
        "contact": Fields(
            _("Contact"),
            {
                "first_name": Field(_("First name"), may_be_empty=True),
                "last_name": Field(_("Last name"), may_be_empty=True),
                "email": Field(_("E-mail address"), may_be_empty=True),
                "phone": Field(_("Phone number"), may_be_empty=True),
                "language": Field(_("Language code"), may_be_empty=True),
                "attributes": Anything(_("Attributes of the contact")),
            },
        ),
        "shop": Fields(
            _("Shop"),
            {
                "name": Field(_("Shop: name")),
                "url": Field(_("Shop: address of its site")),
                "email": Field(_("Shop: e-mail address"), may_be_empty=True),
                "phone": Field(_("Shop: phone number"), may_be_empty=True),
                "address": Field(_("Shop: postal address"), may_be_empty=True),
                "logo_url": Field(_("Shop: logo address"), may_be_empty=True),
            },
        ),
        "event": Fields(
            _("Event that started the chain"),
            {
                "name": Field(_("Event: name")),
                "occurred_at": Field(_("Event: moment")),
                "data": Anything(_("Event: its data")),
            },
            may_be_empty=True,
        ),
        "cart": Fields(
            _("Cart as it is now"),
            {
                "items": Items(_("Cart: items"), ITEM),
                "total": Field(_("Cart: total")),
                "currency": Field(_("Cart: currency code")),
                "url": Field(_("Cart: link that brings it back")),
                "count": Field(_("Cart: number of items")),
            },
            may_be_empty=True,
        ),
        "order": Fields(
            _("Order"),
            {
                "number": Field(_("Order: number")),
                "status": Field(_("Order: status")),
                "items": Items(_("Order: items"), ITEM),
                "total": Field(_("Order: total")),
                "currency": Field(_("Order: currency code")),
                "url": Field(_("Order: page address"), may_be_empty=True),
                "placed_at": Field(_("Order: moment it was placed"), may_be_empty=True),
            },
            may_be_empty=True,
        ),
        "links": Fields(
            _("Links"),
            {
                "unsubscribe": Field(_("Link: unsubscribe")),
                "preferences": Field(_("Link: choose what to receive")),
            },
        ),
    }
)

# The body of a letter may also repeat what stands above it.
LETTER_VARIABLES = TEXT_VARIABLES.with_fields(
    message=Fields(
        _("This letter"),
        {
            "subject": Field(_("Letter: subject")),
            "preheader": Field(_("Letter: preheader"), may_be_empty=True),
        },
    )
)
