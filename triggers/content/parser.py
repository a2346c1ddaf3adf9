"""Reading a template: Django's parser with an eye on paths, places in the HTML, depth and gaps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from django.template import Engine
from django.template.base import NodeList, Origin, Parser, TextNode, Token, TokenType, VariableNode
from django.utils.translation import gettext as _

from triggers.content import places
from triggers.content.expression import Expression
from triggers.content.filters import LIBRARY
from triggers.content.lexer import Refused, line_and_column, span, start_of, tokens
from triggers.content.nodes import Body, Output, TextPart
from triggers.content.places import Place
from triggers.content.scope import CONSTANTS
from triggers.content.variables import Anything, Field, Fields, Items, Shape, Variables

# Tags inside tags.
MAX_DEPTH = 20

_RESERVED = frozenset({*CONSTANTS, "forloop", "and", "or", "not", "in", "is"})
_LOCAL_NAME = re.compile(r"[a-zA-Z]\w{0,49}")


@dataclass(frozen=True, slots=True)
class Unguarded:
    """A value that may be empty is shown at this place without a fallback or a test: such messages will not leave."""

    path: str
    line: int
    column: int


# Django's engine holds the allow-list: no loaders, no libraries, no built-ins but ours.
class _LetterEngine(Engine):
    default_builtins = []


ENGINE = _LetterEngine(loaders=[], libraries={})
ENGINE.template_builtins = [LIBRARY]


class LetterParser(Parser):
    """Django's parser with an eye on paths, places in the HTML, depth and gaps."""

    def __init__(
        self,
        source: str,
        where: str,
        variables: Variables | None,
        autoescape: bool,
        tags: Mapping[str, Callable[[LetterParser, Token], Any]],
    ) -> None:
        super().__init__(
            list(tokens(source)), ENGINE.template_libraries, ENGINE.template_builtins, Origin(where)
        )
        self.tags.update(tags)
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
        raise Refused(message, start_of(self.token))

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
                self.place = places.after_text(self.place, node.s, start_of(token))
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
        raise Refused(message, start_of(token))

    def unclosed_block_tag(self, parse_until: Any) -> NoReturn:
        command, token = self.command_stack.pop()
        message = _("{%% %(tag)s %%} is never closed with {%% %(end)s %%}") % {
            "tag": command,
            "end": list(parse_until)[-1],
        }
        raise Refused(message, start_of(token))

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
            places.escaper(self.place, expression.is_encoded, start_of(token)),
            self.place.kind == places.TEXT,
        )

    def after_output(self) -> None:
        if self.place is not None:
            self.place = places.after_value(self.place)

    def _note_gap(self, expression: Expression, token: Token) -> None:
        if expression.first is None or expression.steps or not expression.shape.may_be_empty:
            return
        if self.variables is not None and not any(expression.path in guarded for guarded in self.guarded):
            start = start_of(token)
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
        start, end = span(self.token)
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
                result = places.joined(result, end, start_of(self.token))
        return result


def _paths(name: str, shape: Shape) -> Iterator[str]:
    yield name
    if isinstance(shape, Fields):
        for inner, inner_shape in shape.fields.items():
            for path in _paths(inner, inner_shape):
                yield f"{name}.{path}"


def _closest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name[:100], list(known)[:500], n=1, cutoff=0.5)
    return _("; did you mean “%(name)s”?") % {"name": found[0]} if found else ""
