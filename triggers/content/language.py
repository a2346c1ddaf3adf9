"""The template language of letters: Django's own syntax with an allow-list, checked paths and bounded work.

`compile_template()` reads a template once and checks everything that can be checked then; `CompiledTemplate.render()` fills it for one
message. Django's engine, parser and expressions do the reading; the nodes are ours, because every one of them has to charge what it does to
the message's budget. Values are always text until they reach the page, where they are escaped for their place (see `places.py`); text that
comes from data is never compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template import TemplateSyntaxError
from django.template.base import Token
from django.utils.translation import gettext as _

from triggers.conf import settings
from triggers.content.deadline import new_deadline
from triggers.content.expression import CONFUSIONS
from triggers.content.lexer import Refused, line_and_column
from triggers.content.nodes import Body
from triggers.content.parser import LetterParser, Unguarded
from triggers.content.places import BadPlace
from triggers.content.plain import Group, freeze
from triggers.content.scope import Scope
from triggers.content.tags import TAGS
from triggers.content.variables import Variables
from triggers.exceptions import RenderError, TemplateError


def compile_template(
    source: str, *, where: str, variables: Variables | None = None, autoescape: bool = True
) -> CompiledTemplate:
    """The template, ready to be filled many times.

    where: what errors call it ("subject"). variables: the names it may use; None allows any. autoescape: the source is HTML; False for plain
    text. Raises TemplateError with line and column, for every reason there is.
    """
    source = str.__str__(source)
    limit = settings.MAX_SOURCE_CHARS
    if len(source) > limit:
        raise TemplateError(
            _("%(where)s: longer than %(limit)d characters") % {"where": where, "limit": limit}
        )
    try:
        parser = LetterParser(source, where, variables, autoescape, TAGS)
        body = parser.whole()
    except BadPlace as error:
        raise _error_at(source, where, error.message, error.at) from None
    except TemplateSyntaxError as error:
        token = getattr(error, "token", None)
        raise _error_at(source, where, _message(error, token), _offset(error, token)) from None
    except RecursionError:
        raise TemplateError(_("%(where)s: tags are nested too deeply") % {"where": where}) from None
    return CompiledTemplate(where, body, frozenset(parser.used), tuple(parser.unguarded))


class CompiledTemplate:
    """A checked template. `uses` holds the paths it names (`cart.items[].price`), `unguarded` where a message may be stopped by a gap."""

    __slots__ = ("_body", "unguarded", "uses", "where")

    def __init__(
        self, where: str, body: Body, uses: frozenset[str], unguarded: tuple[Unguarded, ...]
    ) -> None:
        self.where, self.uses, self.unguarded = where, uses, unguarded
        self._body = body

    def render(self, context: Mapping[str, Any] | Group, ends_at: float | None = None) -> str:
        """The template filled with plain data, in the active language and time zone; a `freeze()`d context saves the freezing.

        `ends_at`: the deadline of the letter that it is a part of. Raises RenderError: a value is missing, is not plain
        data, or the message would take too much, of time as well.
        """
        ends_at = new_deadline() if ends_at is None else ends_at
        scope = Scope(freeze(context, ends_at), ends_at)
        try:
            self._body.write(scope)
        except RenderError:
            raise
        except (RecursionError, MemoryError):
            raise RenderError(_("%(where)s: takes too much memory") % {"where": self.where}) from None
        except CONFUSIONS as error:
            raise RenderError(
                _("%(where)s: cannot be filled: %(error)s") % {"where": self.where, "error": error}
            ) from error
        if scope.stopped:  # a condition swallows errors, this one must not be
            raise RenderError(scope.stopped)
        return "".join(scope.parts)


def _message(error: TemplateSyntaxError, token: Token | None) -> str:
    if isinstance(error, Refused) or token is None:
        return str(error)
    return _("“%(tag).100s” cannot be read: %(error).300s") % {"tag": token.contents, "error": error}


def _error_at(source: str, where: str, message: str, at: int) -> TemplateError:
    return TemplateError(f"{where}: {message}", *line_and_column(source, at))


def _offset(error: TemplateSyntaxError, token: Token | None) -> int:
    if isinstance(error, Refused) and error.at is not None:
        return error.at
    return token.position[0] if token is not None and token.position else 0
