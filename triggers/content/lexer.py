"""A template's source as Django's tokens, each with its place, and refusals that point at one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.template import TemplateSyntaxError
from django.template.base import Token, TokenType
from django.utils.translation import gettext as _

from triggers.content.expression import MAX_TAG_CHARS

# Tags and variables in all.
MAX_TAGS = 20_000

_OPENERS = {"{{": ("}}", TokenType.VAR), "{%": ("%}", TokenType.BLOCK), "{#": ("#}", TokenType.COMMENT)}
_OPENER = re.compile(r"\{[{%#]")


def tokens(source: str) -> Iterator[Token]:
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


class Refused(TemplateSyntaxError):
    """A refusal in our own words, at an offset of the source."""

    def __init__(self, message: str, at: int | None = None) -> None:
        self.at = at
        super().__init__(message)


def span(token: Token) -> tuple[int, int]:
    assert token.position is not None  # tokens() gives every token its place
    return token.position


def start_of(token: Token) -> int:
    return span(token)[0]


def line_and_column(source: str, at: int) -> tuple[int, int]:
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
