"""Reading a template: Django's parser with an eye on paths, places in the HTML, depth and gaps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from django.template import Engine, TemplateSyntaxError
from django.template.base import (
    NodeList,
    Origin,
    Parser,
    TextNode,
    Token,
    TokenType,
    VariableNode,
    token_kwargs,
)
from django.template.smartif import IfParser
from django.utils.translation import gettext as _

from triggers.content import places
from triggers.content.expression import MAX_TAG_CHARS, Expression
from triggers.content.filters import LIBRARY
from triggers.content.nodes import Body, Comment, FirstOf, For, If, Operand, Output, Spaceless, TextPart, With
from triggers.content.places import Place
from triggers.content.scope import CONSTANTS
from triggers.content.variables import Anything, Field, Fields, Items, Shape, Variables

# Tags inside tags; words of one condition; branches of one if; tags and variables in all.
MAX_DEPTH = 20
MAX_CONDITION_WORDS = 40
MAX_BRANCHES = 100
MAX_TAGS = 20_000

_RESERVED = frozenset({*CONSTANTS, "forloop", "and", "or", "not", "in", "is"})
_LOCAL_NAME = re.compile(r"[a-zA-Z]\w{0,49}")


@dataclass(frozen=True, slots=True)
class Unguarded:
    """A value that may be empty is shown at this place without a fallback or a test: such messages will not leave."""

    path: str
    line: int
    column: int


class Refused(TemplateSyntaxError):
    """A refusal in our own words, at an offset of the source."""

    def __init__(self, message: str, at: int | None = None) -> None:
        self.at = at
        super().__init__(message)


# Django's engine holds the allow-list: no loaders, no libraries, no built-ins but ours.
class _LetterEngine(Engine):
    default_builtins = []


ENGINE = _LetterEngine(loaders=[], libraries={})
ENGINE.template_builtins = [LIBRARY]

_OPENERS = {"{{": ("}}", TokenType.VAR), "{%": ("%}", TokenType.BLOCK), "{#": ("#}", TokenType.COMMENT)}
_OPENER = re.compile(r"\{[{%#]")


def _tokens(source: str) -> Iterator[Token]:
    """Django's tokens with their offsets, in linear time (Django's own lexer needs minutes for 200 KB of `{{`).

    An opener that is not closed on its line is refused: Django would show it to the reader as it is. `{#` is common in minified CSS and stays.
    """
    at, line, line_end, no_comment_before = 0, 1, -1, -1
    text_from, count = 0, 0
    while opener := _OPENER.search(source, at):
        start = opener.start()
        if start > line_end:
            line_end = source.find("\n", start)
            line_end = len(source) if line_end < 0 else line_end
        closer, kind = _OPENERS[opener[0]]
        end = (
            -1
            if kind is TokenType.COMMENT and start < no_comment_before
            else source.find(closer, start + 2, line_end)
        )
        if end < 0:
            if kind is not TokenType.COMMENT:
                raise Refused(_("“%(opener)s” is not closed on its line") % {"opener": opener[0]}, start)
            at, no_comment_before = start + 1, line_end
            continue
        if start > text_from:
            yield Token(TokenType.TEXT, source[text_from:start], (text_from, start), line)
            line += source.count("\n", text_from, start)
        if end - start > MAX_TAG_CHARS and kind is not TokenType.COMMENT:
            raise Refused(_("this is longer than %(limit)d characters") % {"limit": MAX_TAG_CHARS}, start)
        yield Token(kind, source[start + 2 : end].strip(), (start, end + 2), line)
        at = text_from = end + 2
        count += 1
        if count > MAX_TAGS:
            raise Refused(_("more than %(limit)d tags and variables") % {"limit": MAX_TAGS}, start)
    if text_from < len(source):
        yield Token(TokenType.TEXT, source[text_from:], (text_from, len(source)), line)


class LetterParser(Parser):
    """Django's parser with an eye on paths, places in the HTML, depth and gaps."""

    def __init__(self, source: str, where: str, variables: Variables | None, autoescape: bool) -> None:
        super().__init__(
            list(_tokens(source)), ENGINE.template_libraries, ENGINE.template_builtins, Origin(where)
        )
        self.source, self.where, self.variables = source, where, variables
        self.place: Place | None = Place() if autoescape else None
        self.token = Token(TokenType.TEXT, "", (0, 0), 1)
        self.filter_names: list[str] = []
        self.scopes: list[dict[str, tuple[Shape, str]]] = []
        self.loops = [False]
        self.guarded: list[set[str]] = []
        self.used: set[str] = set()
        self.unguarded: list[Unguarded] = []

    def whole(self) -> Body:
        body = Body(self.parse())
        if self.place is not None:
            places.check_end(self.place, max(0, len(self.source) - 1))
        return body

    def body(self, *until: str) -> Body:
        return Body(self.parse(until))

    def refuse(self, message: str) -> NoReturn:
        raise Refused(message, _start(self.token))

    # Django's hooks

    def next_token(self) -> Token:
        self.token = super().next_token()
        return self.token

    def parse(self, parse_until: Any = None) -> NodeList:
        if len(self.command_stack) > MAX_DEPTH:
            self.refuse(_("tags are nested deeper than %(limit)d levels") % {"limit": MAX_DEPTH})
        return super().parse(parse_until)

    def compile_filter(self, token: str) -> Expression:
        return Expression(token, self)

    def find_filter(self, filter_name: str) -> Callable[..., Any]:
        if filter_name not in self.filters:
            raise Refused(
                _("there is no filter “%(name).50s”") % {"name": filter_name}
                + _closest(filter_name, self.filters),
                self._offset_of(filter_name),
            )
        self.filter_names.append(filter_name)
        return self.filters[filter_name]

    def extend_nodelist(self, nodelist: NodeList, node: Any, token: Token) -> None:
        if isinstance(node, TextNode):
            if self.place is not None:
                self.place = places.after_text(self.place, node.s, _start(token))
            node = TextPart(node.s)
        elif isinstance(node, VariableNode):
            node = self.output(cast(Expression, node.filter_expression), token)
            self.after_output()
        super().extend_nodelist(nodelist, node, token)

    def invalid_block_tag(self, token: Token, command: str, parse_until: Any = None) -> NoReturn:
        if parse_until:
            expected = ", ".join(f"{{% {name} %}}" for name in parse_until)
            message = _("{%% %(tag).50s %%} cannot stand here; expected is one of: %(expected)s") % {
                "tag": command,
                "expected": expected,
            }
        else:
            message = _("there is no tag “%(tag).50s” in this language") % {"tag": command} + _closest(
                command, self.tags
            )
        raise Refused(message, _start(token))

    def unclosed_block_tag(self, parse_until: Any) -> NoReturn:
        command, token = self.command_stack.pop()
        message = _("{%% %(tag)s %%} is never closed with {%% %(end)s %%}") % {
            "tag": command,
            "end": list(parse_until)[-1],
        }
        raise Refused(message, _start(token))

    # values

    def output(self, expression: Expression, token: Token) -> Output:
        shape = expression.shape
        if isinstance(shape, Fields):
            options = ", ".join(f"{expression.path}.{name}" for name in shape.fields)
            self.refuse(
                _("%(path)s holds several values; choose one of: %(options).300s")
                % {"path": expression.path, "options": options}
            )
        if isinstance(shape, Items):
            self.refuse(_("%(path)s is a list; go through it with {%% for %%}") % {"path": expression.path})
        if expression.makes_html and (self.place is None or self.place.kind != places.TEXT):
            self.refuse(_("the filters linebreaks and linebreaksbr only work in the text of an HTML letter"))
        self._note_gap(expression, token)
        if self.place is None:
            return Output(expression, None, False)
        return Output(
            expression,
            places.escaper(self.place, expression.is_encoded, _start(token)),
            self.place.kind == places.TEXT,
        )

    def after_output(self) -> None:
        if self.place is not None:
            self.place = places.after_value(self.place)

    def _note_gap(self, expression: Expression, token: Token) -> None:
        if expression.first is None or expression.steps or not expression.shape.may_be_empty:
            return
        if self.variables is not None and not any(expression.path in guarded for guarded in self.guarded):
            start = _start(token)
            self.unguarded.append(Unguarded(expression.path, *line_and_column(self.source, start)))

    # paths

    def check_path(self, lookups: tuple[str, ...]) -> Shape:
        """The shape of a path; refuses one that the declared variables do not have."""
        name = lookups[0]
        if name == "forloop":
            self.loops = [True] * len(self.loops)
        found = next((scope[name] for scope in reversed(self.scopes) if name in scope), None)
        if name in CONSTANTS:
            found = (Field(""), name)
        elif found is None and self.variables is not None:
            found = (self.variables.fields[name], name) if name in self.variables.fields else None
            if found is None:
                self._unknown(lookups)
        if found is None:
            return Anything("")
        shape, path = found
        for inner in lookups[1:]:
            shape, path = self._inside(shape, path, inner, lookups)
        if name != "forloop" and name not in CONSTANTS:
            self.used.add(path)
        return shape

    def _inside(self, shape: Shape, path: str, name: str, lookups: tuple[str, ...]) -> tuple[Shape, str]:
        if isinstance(shape, Anything):
            return shape, f"{path}.{name}"
        if isinstance(shape, Fields) and name in shape.fields:
            return shape.fields[name], f"{path}.{name}"
        if isinstance(shape, Items) and name.isdecimal():
            return shape.each, f"{path}[]"
        return self._unknown(lookups)

    def _unknown(self, lookups: tuple[str, ...]) -> NoReturn:
        path = ".".join(lookups)
        known = [
            known
            for scope in reversed(self.scopes)
            for name, (shape, _path) in scope.items()
            for known in _paths(name, shape)
        ]
        if self.variables is not None:
            known += [known for name, shape in self.variables.fields.items() for known in _paths(name, shape)]
        raise Refused(
            _("there is no variable “%(path).100s”") % {"path": path} + _closest(path, known),
            self._offset_of(path),
        )

    def _offset_of(self, part: str) -> int:
        start, end = _span(self.token)
        found = self.source.find(part, start, end)
        return start if found < 0 else found

    # blocks

    def local_name(self, name: str) -> str:
        if not _LOCAL_NAME.fullmatch(name) or name in _RESERVED:
            self.refuse(_("“%(name).50s” cannot be the name of a variable") % {"name": name})
        return name

    @contextmanager
    def names(self, **names: tuple[Shape, str]) -> Iterator[None]:
        self.scopes.append(names)
        yield
        self.scopes.pop()

    def origin_of(self, expression: Expression) -> str:
        """The path of an expression as the context knows it, so that `uses` speaks of the context and not of loop names."""
        if expression.first is None:
            return ""
        scope = next((scope for scope in reversed(self.scopes) if expression.first in scope), None)
        first: str = scope[expression.first][1] if scope else expression.first
        return ".".join([first, *expression.rest])

    def join_places(self, *ends: Place | None) -> Place | None:
        result = ends[0]
        for end in ends[1:]:
            if result is not None and end is not None:
                result = places.joined(result, end, _start(self.token))
        return result


def _span(token: Token) -> tuple[int, int]:
    assert token.position is not None  # _tokens() gives every token its place
    return token.position


def _start(token: Token) -> int:
    return _span(token)[0]


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


LIBRARY.tags.update(
    {"if": _if, "for": _for, "with": _with, "firstof": _firstof, "spaceless": _spaceless, "comment": _comment}
)


def _paths(name: str, shape: Shape) -> Iterator[str]:
    yield name
    if isinstance(shape, Fields):
        for inner, inner_shape in shape.fields.items():
            for path in _paths(inner, inner_shape):
                yield f"{name}.{path}"


def _closest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name[:100], list(known)[:500], n=1, cutoff=0.5)
    return _("; did you mean “%(name)s”?") % {"name": found[0]} if found else ""


def line_and_column(source: str, at: int) -> tuple[int, int]:
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
