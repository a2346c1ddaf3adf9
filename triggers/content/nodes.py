"""What the tags of a template become: nodes that write into a scope and charge it for what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.template.base import Node
from django.template.smartif import Literal
from django.utils.html import strip_spaces_between_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from triggers.content.expression import Expression
from triggers.content.filters import shown
from triggers.content.plain import Group, Rows
from triggers.content.scope import Scope
from triggers.exceptions import RenderError


class Body:
    """The nodes between two tags."""

    __slots__ = ("writers",)

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.writers: list[Callable[[Scope], None]] = [node.write for node in nodes]

    def write(self, scope: Scope) -> None:
        for write in self.writers:
            write(scope)


class TextPart(Node):
    """Text of the template itself."""

    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, scope: Scope) -> None:
        scope.put(self.text)


class Output(Node):
    """`{{ … }}`: the value as text, escaped for its place. A gap stops the message."""

    def __init__(self, expression: Expression, escape: Callable[[str], str] | None, is_text: bool) -> None:
        self.expression, self.escape = expression, escape
        self.takes_html = is_text and expression.makes_html
        self.gives_empty = expression.gives_empty

    def write(self, scope: Scope) -> None:
        value = self.expression.resolve(scope)
        if value is None:
            raise self.expression.missing()
        scope.put(self.text(value))

    def text(self, value: Any) -> str:
        if type(value) is not str:
            try:
                value = shown(value)
            except RenderError as error:
                raise RenderError(f"{self.expression.path}: {error} {self.expression.spot()}") from None
        if (not value or value.isspace()) and not self.gives_empty:
            raise self.expression.missing()
        if self.escape is None or (self.takes_html and isinstance(value, SafeString)):
            return value  # type: ignore[no-any-return]
        try:
            return self.escape(value)
        except RenderError as error:
            raise RenderError(f"{self.expression.path}: {error} {self.expression.spot()}") from None


class FirstOf(Node):
    """`{% firstof a b "c" %}`: the first that is not empty."""

    def __init__(self, outputs: list[Output]) -> None:
        self.outputs = outputs

    def write(self, scope: Scope) -> None:
        for output in self.outputs:
            value = output.expression.resolve(scope)
            if value or value == 0:
                scope.put(output.text(value))
                return
        raise self.outputs[0].expression.missing()


class If(Node):
    """`{% if %}`: the first branch whose condition holds; a missing value is simply false."""

    def __init__(self, branches: list[tuple[Any, Body]]) -> None:
        self.branches = branches

    def write(self, scope: Scope) -> None:
        for condition, body in self.branches:
            if condition is None or condition.eval(scope):
                body.write(scope)
                return


class For(Node):
    """`{% for %}` over a list; its passes are charged before the first one."""

    def __init__(
        self,
        name: str,
        sequence: Expression,
        is_reversed: bool,
        body: Body,
        empty: Body | None,
        has_counters: bool,
    ) -> None:
        self.name, self.sequence, self.is_reversed = name, sequence, is_reversed
        self.writers, self.empty, self.has_counters = body.writers, empty, has_counters

    def write(self, scope: Scope) -> None:
        rows = self.sequence.resolve(scope)
        if not rows:
            self._write_empty(scope)
            return
        if type(rows) is not Rows:
            raise RenderError(
                _("%(path)s is not a list") % {"path": self.sequence.path} + f" {self.sequence.spot()}"
            )
        scope.charge_passes(len(rows))
        names = scope.names
        kept = {name: names[name] for name in (self.name, "forloop") if name in names}
        values: Sequence[Any] = rows._rows[::-1] if self.is_reversed else rows._rows
        if self.has_counters:
            self._write_counted(scope, values, kept.get("forloop"))
        else:
            for value in values:
                names[self.name] = value
                for write in self.writers:
                    write(scope)
        del names[self.name]
        names.pop("forloop", None)
        names.update(kept)

    def _write_counted(self, scope: Scope, values: Sequence[Any], outer: Any) -> None:
        count, names = len(values), scope.names
        for at, value in enumerate(values):
            names[self.name] = value
            counters: dict[str, Any] = {
                "counter": at + 1,
                "counter0": at,
                "revcounter": count - at,
                "revcounter0": count - at - 1,
                "first": at == 0,
                "last": at == count - 1,
                "parentloop": outer,
            }
            names["forloop"] = Group(counters)
            for write in self.writers:
                write(scope)

    def _write_empty(self, scope: Scope) -> None:
        if self.empty is not None:
            self.empty.write(scope)
        elif self.sequence.items_required:
            problem = _("%(path)s is empty for this contact; write {%% empty %%} to allow that") % {
                "path": self.sequence.path
            }
            raise RenderError(f"{problem} {self.sequence.spot()}")


class With(Node):
    """`{% with name=value %}`: other names for values, until `{% endwith %}`."""

    def __init__(self, values: dict[str, Expression], body: Body) -> None:
        self.values, self.body = values, body

    def write(self, scope: Scope) -> None:
        names = scope.names
        kept = {name: names[name] for name in self.values if name in names}
        names.update({name: expression.resolve(scope) for name, expression in self.values.items()})
        self.body.write(scope)
        for name in self.values:
            del names[name]
        names.update(kept)


class Spaceless(Node):
    """`{% spaceless %}`: no white space between tags."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def write(self, scope: Scope) -> None:
        outer, scope.parts = scope.parts, []
        self.body.write(scope)
        text = "".join(scope.parts)
        scope.charge(text)
        scope.parts = outer
        outer.append(strip_spaces_between_tags(text))


class Comment(Node):
    """`{% comment %}`: nothing."""

    def write(self, scope: Scope) -> None:
        """A comment leaves no trace in the letter."""


class Operand(Literal):
    """A value inside a condition; what cannot be worked out counts as absent."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def display(self) -> str:
        return str(self.expression.token)

    # The condition's operators hand through whatever they are given.
    def eval(self, scope: Scope) -> Any:  # type: ignore[override]
        try:
            value = self.expression.resolve(scope)
        except RenderError:
            if scope.stopped:
                raise
            return None
        if type(value) in (str, Rows, Group):
            scope.charge(value)
        return value
