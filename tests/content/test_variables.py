from __future__ import annotations

from django.utils import translation

from tests.content.samples import context
from triggers.content.language import compile_template
from triggers.content.variables import (
    LETTER_VARIABLES,
    TEXT_VARIABLES,
    Anything,
    Field,
    Fields,
    Items,
    Variables,
)


def test_every_value_is_listed_with_its_label() -> None:
    with translation.override("en"):
        choices = dict(LETTER_VARIABLES.choices())
    assert choices["contact.first_name"] == "First name"
    assert choices["cart.items[].price"] == "Item: price of one"
    assert {
        "cart.items[]",
        "event.data.*",
        "contact.attributes.*",
        "order.placed_at",
        "links.unsubscribe",
        "message.preheader",
    } <= choices.keys()
    assert all(choices.values())
    assert not [path for path, _ in TEXT_VARIABLES.choices() if path.startswith("message")]


def test_what_may_be_empty_is_known_from_the_value_or_from_what_holds_it() -> None:
    empty = {entry.path: entry.may_be_empty for entry in LETTER_VARIABLES.listed()}
    assert empty["contact.first_name"]
    assert empty["cart.total"]
    assert not empty["cart.items[].name"]
    assert empty["cart.items[].image_url"]
    assert not empty["shop.name"]


def test_every_listed_path_compiles() -> None:
    for path, _label in LETTER_VARIABLES.choices():
        written = path.removesuffix("[]").replace("[]", ".0").replace("*", "anything")
        source = "{{ " + written + "|default:'x' }}"
        if path.endswith("[]"):
            source = "{% for x in " + written + " %}{% empty %}{% endfor %}"
        compile_template(source, where="text", variables=LETTER_VARIABLES, autoescape=False).render(context())


def test_a_shop_can_declare_more() -> None:
    more = TEXT_VARIABLES.with_fields(
        loyalty=Fields("Loyalty", {"points": Field("Points"), "gifts": Items("Gifts", Anything("Gift"))})
    )
    template = compile_template(
        "{{ loyalty.points }}{% for g in loyalty.gifts %}{{ g.name }}{% endfor %}",
        where="text",
        variables=more,
    )
    assert template.render({"loyalty": {"points": 5, "gifts": [{"name": "a"}]}}) == "5a"
    assert ("loyalty.points", "Points") in more.choices()
    assert isinstance(more, Variables)
