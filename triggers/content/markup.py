"""Reading finished HTML in linear time: pieces, depth, and what may not be in a letter.

The standard html.parser takes minutes for 200 KB of `<a <a <a ...` on the Pythons we support, and the CSS inliner walks the tree recursively,
so a deep one ends the process. Both are kept away from the input by what is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters
from typing import NamedTuple

from django.utils.translation import gettext as _

from triggers.exceptions import RenderError

# Levels of elements in one letter, counted too high rather than too low. Real letters stay below 60.
MAX_ELEMENT_LEVELS = 400

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# Elements whose end tag may be left out: another end tag closes them as well.
_CLOSED_BY_OTHERS = frozenset("p li dt dd option".split())
_CLOSED_BY_SIBLING = _CLOSED_BY_OTHERS | frozenset("td th tr".split())
_RAW = frozenset("style script title textarea xmp iframe noembed noframes".split())

# Every alternative either matches or fails without giving characters back, so one look at a piece is linear.
_ATTRIBUTES = r"""(?:[\s/]++|[^\s/>=][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+|=)*+"""
_TAG = re.compile(rf"<(/?+)([a-zA-Z][^\s/>]*+)({_ATTRIBUTES})>")
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?+""")
_LETTERS = frozenset(ascii_letters)
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}


class Piece(NamedTuple):
    """One tag, or the text up to the next one. `tag` is "" for text, "p" for a start, "/p" for an end; `body` its attributes or the text."""

    tag: str
    body: str


def pieces(html: str) -> Iterator[Piece]:
    """The tags and texts of `html` in order; comments, doctypes and the content of style and script are left out."""
    at = 0
    while (opened := html.find("<", at)) >= 0:
        if opened > at:
            yield Piece("", html[at:opened])
        following = html[opened + 1 : opened + 2]
        if following in _LETTERS or (following == "/" and html[opened + 2 : opened + 3] in _LETTERS):
            tag = _TAG.match(html, opened)
            if tag is None:  # it never ends, and no later one can
                return
            name = tag[2].lower()
            yield Piece(tag[1] + name, tag[3])
            at = tag.end()
            if name in _RAW and not tag[1]:
                end = _RAW_END[name].search(html, at)
                at = end.start() if end else len(html)
        elif following and following in "!?/":
            at = _after_declaration(html, opened)
        else:
            yield Piece("", "<")
            at = opened + 1
    if at < len(html):
        yield Piece("", html[at:])


def _after_declaration(html: str, opened: int) -> int:
    if html.startswith("<!--", opened):
        end = html.find("-->", opened + 2)
        return len(html) if end < 0 else end + 3
    end = html.find(">", opened)
    return len(html) if end < 0 else end + 1


def attributes(body: str) -> dict[str, str]:
    """The attributes of a start tag, names in lower case, values as written (entities not resolved)."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(body):
        found.setdefault(match[1].lower(), match[2] or match[3] or match[4] or "")
    return found


def check_depth(html: str) -> None:
    """Raises RenderError when elements may be nested deeper than a letter needs."""
    if html.count("<") <= MAX_ELEMENT_LEVELS:
        return
    open_elements: list[str] = []
    for tag, _body in pieces(html):
        if not tag or tag in VOID:
            continue
        if tag[0] == "/":
            _close(open_elements, tag[1:])
        elif not (tag in _CLOSED_BY_SIBLING and open_elements and open_elements[-1] == tag):
            open_elements.append(tag)
            if len(open_elements) > MAX_ELEMENT_LEVELS:
                raise RenderError(
                    _("elements are nested deeper than %(limit)d levels; some are never closed")
                    % {"limit": MAX_ELEMENT_LEVELS}
                )


def _close(open_elements: list[str], name: str) -> None:
    """Close what surely closes; an end tag that a mail program might ignore is ignored, so the count errs upwards."""
    top = len(open_elements) - 1
    while top >= 0 and open_elements[top] != name and open_elements[top] in _CLOSED_BY_OTHERS:
        top -= 1
    if top >= 0 and open_elements[top] == name:
        del open_elements[top:]
