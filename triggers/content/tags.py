"""The block tags of the language: how each is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.template import TemplateSyntaxError
from django.template.base import Node, Token, token_kwargs
from django.template.smartif import IfParser
from django.utils.translation import gettext as _

from triggers.content.expression import Expression
from triggers.content.nodes import Comment, FirstOf, For, If, Operand, Spaceless, With
from triggers.content.parser import LetterParser
from triggers.content.variables import Anything, Field, Fields, Items

# Words of one condition; branches of one if.
MAX_CONDITION_WORDS = 40
MAX_BRANCHES = 100


class _ConditionParser(IfParser):
    error_class = TemplateSyntaxError

    def __init__(self, parser: LetterParser, words: list[str]) -> None:
        self.parser = parser
        self.operands: list[Expression] = []
        super().__init__(words)  # type: ignore[arg-type]

    def create_var(self, value: str) -> Operand:  # type: ignore[override]
        self.operands.append(self.parser.compile_filter(value))
        return Operand(self.operands[-1])


def _if(parser: LetterParser, token: Token) -> If:
    start, ends, branches = parser.place, [], []
    guarded: set[str] = set()
    parser.guarded.append(guarded)
    words: list[str] | None = token.split_contents()[1:]
    while True:
        condition = _condition(parser, words, guarded) if words is not None else None
        branches.append(
            (condition, parser.body(*(("elif", "else", "endif") if words is not None else ("endif",))))
        )
        ends.append(parser.place)
        closing = parser.next_token()
        bits = closing.split_contents()
        if bits[0] == "endif":
            break
        if len(branches) >= MAX_BRANCHES:
            parser.refuse(_("more than %(limit)d branches of one if") % {"limit": MAX_BRANCHES})
        parser.place = start
        words = bits[1:] if bits[0] == "elif" else None
    parser.guarded.pop()
    parser.place = parser.join_places(*ends, *([] if words is None else [start]))
    return If(branches)


def _condition(parser: LetterParser, words: list[str], guarded: set[str]) -> Any:
    if not words:
        parser.refuse(_("a condition is missing after if or elif"))
    if len(words) > MAX_CONDITION_WORDS:
        parser.refuse(_("this condition has more than %(limit)d words") % {"limit": MAX_CONDITION_WORDS})
    reader = _ConditionParser(parser, words)
    condition = reader.parse()
    guarded.update(operand.path for operand in reader.operands)
    return condition


_COUNTERS = ("counter", "counter0", "revcounter", "revcounter0", "first", "last")
_PARENT_LOOP = Fields("", {name: Field("") for name in _COUNTERS} | {"parentloop": Anything("")})
_LOOP = Fields("", {name: Field("") for name in _COUNTERS} | {"parentloop": _PARENT_LOOP})


def _for(parser: LetterParser, token: Token) -> For:
    bits = token.split_contents()
    is_reversed = bits[-1] == "reversed"
    if len(bits) - is_reversed != 4 or bits[2] != "in":
        parser.refuse(_("write it as {% for item in cart.items %}"))
    name = parser.local_name(bits[1])
    sequence = parser.compile_filter(bits[3])
    if isinstance(sequence.shape, (Field, Fields)):
        parser.refuse(_("%(path)s is not a list") % {"path": sequence.path})
    each = sequence.shape.each if isinstance(sequence.shape, Items) else Anything("")
    start = parser.place
    parser.loops.append(False)
    with parser.names(**{name: (each, f"{parser.origin_of(sequence)}[]"), "forloop": (_LOOP, "forloop")}):
        body = parser.body("empty", "endfor")
    # The second pass begins where the first one ended.
    parser.place = after_loop = parser.join_places(start, parser.place)
    has_counters, empty = parser.loops.pop(), None
    if parser.next_token().contents.split()[0] == "empty":
        parser.place = start
        empty = parser.body("endfor")
        parser.next_token()
        parser.place = parser.join_places(after_loop, parser.place)
    return For(name, sequence, is_reversed, body, empty, has_counters)


def _with(parser: LetterParser, token: Token) -> With:
    bits = token.split_contents()[1:]
    values = cast(dict[str, Expression], token_kwargs(bits, parser, support_legacy=True))
    if not values or bits:
        parser.refuse(_("write it as {% with name=value %}"))
    names = {
        parser.local_name(name): (value.shape, parser.origin_of(value)) for name, value in values.items()
    }
    with parser.names(**names):
        body = parser.body("endwith")
    parser.delete_first_token()
    return With(values, body)


def _firstof(parser: LetterParser, token: Token) -> FirstOf:
    words = token.split_contents()[1:]
    if not words or "as" in words:
        parser.refuse(_('write it as {% firstof one other "text" %}'))
    outputs = []
    for word in words:
        expression = parser.compile_filter(word)
        parser.guarded.append({expression.path})
        outputs.append(parser.output(expression, token))
        parser.guarded.pop()
    parser.after_output()
    return FirstOf(outputs)


def _spaceless(parser: LetterParser, token: Token) -> Spaceless:
    body = parser.body("endspaceless")
    parser.delete_first_token()
    return Spaceless(body)


def _comment(parser: LetterParser, token: Token) -> Comment:
    parser.skip_past("endcomment")
    return Comment()


TAGS: dict[str, Callable[[LetterParser, Token], Node]] = {
    "if": _if,
    "for": _for,
    "with": _with,
    "firstof": _firstof,
    "spaceless": _spaceless,
    "comment": _comment,
}
