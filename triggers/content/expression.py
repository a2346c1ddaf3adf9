"""A value of a template with its filters: `cart.total|money:cart.currency`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol

from django.core.exceptions import SuspiciousOperation
from django.template import TemplateSyntaxError
from django.template.base import FilterExpression, Token
from django.utils.translation import gettext as _

from triggers.content.filters import TRAITS, BadArgument
from triggers.content.plain import Group, step
from triggers.content.scope import Scope
from triggers.content.variables import Anything, Field, Items, Shape
from triggers.exceptions import RenderError

# Filters on one value; characters of one tag.
MAX_FILTERS = 8
MAX_TAG_CHARS = 1_000

# What wrong values make Python's and Django's functions raise.
CONFUSIONS = (ArithmeticError, AttributeError, LookupError, SuspiciousOperation, TypeError, ValueError)

_TRANSLATED = re.compile(r"(?:^|:)_\(")


class Reader(Protocol):
    """What an expression asks of the parser."""

    where: str
    token: Token
    filter_names: list[str]

    def refuse(self, message: str) -> NoReturn: ...

    def check_path(self, lookups: tuple[str, ...]) -> Shape: ...


class Step(NamedTuple):
    """One filter; the argument comes ready, or as the path of a variable that `check` converts for every message."""

    name: str
    function: Callable[..., Any]
    argument: Any
    variable: tuple[str, ...] | None
    check: Callable[[Any], Any] | None
    takes_empty: bool


class Expression(FilterExpression):
    """A variable or a literal with its filters; everything that does not depend on the message is worked out here.

    `resolve()` gives None for whatever is missing. An empty value passes over filters that have no answer for it.
    """

    __slots__ = (
        "first", "gives_empty", "is_encoded", "items_required", "line", "literal", "makes_html", "names", "path", "rest", "shape", "steps",
        "where",
    )  # fmt: skip

    def __init__(self, token: str, parser: Reader) -> None:
        if _TRANSLATED.search(token):
            parser.refuse(_("_(…) is not part of this language; write the text itself"))
        self.names: list[str] = []
        self.shape: Shape
        self.first: str | None
        self.rest: tuple[str, ...]
        parser.filter_names = self.names
        super().__init__(token, parser)  # type: ignore[arg-type]
        if len(self.names) > MAX_FILTERS:
            parser.refuse(_("more than %(limit)d filters on one value") % {"limit": MAX_FILTERS})
        self.where, self.line = parser.where, parser.token.lineno
        self._read_base(parser)
        self.steps = [
            self._read_step(name, function, arguments, parser)
            for name, (function, arguments) in zip(self.names, self.filters, strict=True)
        ]
        traits = [TRAITS[name] for name in self.names]
        self.is_encoded = bool(traits) and traits[-1].makes_address
        self.makes_html = any(trait.makes_html for trait in traits)
        self.gives_empty = any(trait.gives_empty for trait in traits) or any(
            name.startswith("default") and argument == "" and variable is None
            for name, _function, argument, variable, _check, _takes in self.steps
        )

    def _read_base(self, parser: Reader) -> None:
        lookups = self.var.lookups if self.is_var else None
        self.items_required = False
        if lookups is None:
            literal = self.var.literal if self.is_var else self.var
            self.literal = str.__str__(literal) if isinstance(literal, str) else literal
            self.first, self.rest, self.path, self.shape = None, (), self.token, Field("")
            return
        self.literal, self.first, self.rest, self.path = None, lookups[0], lookups[1:], ".".join(lookups)
        shape = parser.check_path(lookups)
        self.items_required = isinstance(shape, Items) and not shape.may_be_empty and not self.names
        if not self.names:
            self.shape = shape
        elif self.names[-1] in ("first", "last"):
            self.shape = shape.each if isinstance(shape, Items) else Anything("")
        else:
            self.shape = Field("")

    def _read_step(
        self, name: str, function: Callable[..., Any], arguments: list[Any], parser: Reader
    ) -> Step:
        traits = TRAITS[name]
        argument, variable = traits.optional, None
        if arguments:
            is_variable, given = arguments[0]
            if is_variable and given.lookups is not None:
                parser.check_path(given.lookups)
                variable = given.lookups
            else:
                argument = self._checked(name, given.literal if is_variable else given, parser)
        return Step(name, function, argument, variable, traits.argument, traits.takes_empty)

    def _checked(self, name: str, given: Any, parser: Reader) -> Any:
        check = TRAITS[name].argument
        assert check is not None  # args_check has refused arguments of filters that take none
        try:
            return check(given)
        except BadArgument as error:
            parser.refuse(_("the filter %(filter)s %(takes)s") % {"filter": name, "takes": error})

    @staticmethod
    def args_check(name: str, func: Callable[..., Any], provided: Any) -> bool:
        traits = TRAITS[name]
        if provided and traits.argument is None:
            raise TemplateSyntaxError(_("the filter %(filter)s takes no argument") % {"filter": name})
        if traits.required and not provided:
            raise TemplateSyntaxError(
                _("the filter %(filter)s needs an argument after a colon") % {"filter": name}
            )
        return True

    # Django calls this with its own context; every caller of ours has a scope.
    def resolve(self, scope: Scope, ignore_failures: bool = True) -> Any:  # type: ignore[override]
        if self.first is None:
            value = self.literal
        else:
            value = scope.names.get(self.first)
            for name in self.rest:
                value = value._fields.get(name) if type(value) is Group else step(value, name)
        return self._filtered(value, scope) if self.steps else value

    def _filtered(self, value: Any, scope: Scope) -> Any:
        for name, function, argument, variable, check, takes_empty in self.steps:
            if value is None or value == "":
                value = None
                if not takes_empty:
                    continue
            scope.charge(value)
            try:
                if variable is not None and check is not None:
                    value = function(value, check(self._argument(variable, scope, takes_empty)))
                else:
                    value = function(value) if check is None else function(value, argument)
            except RenderError as error:
                raise RenderError(f"{self.token}: {error} {self.spot()}") from None
            except BadArgument as error:
                problem = _("the filter %(filter)s %(takes)s") % {"filter": name, "takes": error}
                raise RenderError(f"{self.token}: {problem} {self.spot()}") from None
            except CONFUSIONS as error:
                problem = _("the filter %(filter)s cannot work with this value") % {"filter": name}
                raise RenderError(f"{self.token}: {problem} {self.spot()}") from error
        return value

    def _argument(self, path: tuple[str, ...], scope: Scope, may_be_empty: bool) -> Any:
        value = scope.names.get(path[0])
        for name in path[1:]:
            value = step(value, name)
        if (value is None or value == "") and not may_be_empty:
            raise RenderError(_("%(path)s is empty for this contact") % {"path": ".".join(path)})
        scope.charge(value)
        return value

    def spot(self) -> str:
        """Where in which template, for the end of an error."""
        return _("(%(where)s, line %(line)d)") % {"where": self.where, "line": self.line}

    def missing(self) -> RenderError:
        if not self.steps:
            problem = _(
                '%(path)s is empty for this contact and has no fallback; write {{ %(path)s|default:"…" }}'
            ) % {"path": self.path}
        else:
            problem = _("{{ %(expression)s }} gives nothing for this contact") % {"expression": self.token}
        return RenderError(f"{problem} {self.spot()}")
