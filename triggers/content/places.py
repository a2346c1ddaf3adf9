"""Where in an HTML document a value would land, found from the template's own text when it is compiled.

A value is escaped for its place: text and quoted attributes, addresses (`href`, `src`, ...: only safe schemes), style rules. Places where no
escaping helps (a tag's name, an attribute without quotes, a script, an event handler) are refused at once. Both branches of an `if` must end
in the same kind of place. The reading follows the tokeniser of the HTML standard as far as letters need it
(https://html.spec.whatwg.org/multipage/parsing.html, read 2026-11-20), plus Outlook's conditional comments.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from string import ascii_letters
from typing import NoReturn
from urllib.parse import quote

from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _

from triggers.exceptions import RenderError

TEXT, TAG, VALUE, COMMENT, RAW = "text", "tag", "value", "comment", "raw"
# How much of an address is known: nothing, some letters that may yet become a scheme, the part before "?", the part after.
OPENING, UNSURE, PATH, QUERY = "opening", "unsure", "path", "query"

SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid"})
ADDRESS_ATTRIBUTES = frozenset(
    "href src action formaction background poster cite data longdesc lowsrc dynsrc srcset ping".split()
)
# Mail programs remove these, or they load or run something; none has a use in a letter.
REFUSED_ELEMENTS = frozenset(
    "script iframe frame frameset object embed applet base link form input button select textarea svg math "
    "template noscript noembed noframes xmp plaintext portal audio video".split()
)
MAX_ATTRIBUTES = 100
MAX_PENDING_CHARS = 500

_CONDITIONAL = re.compile(
    r"<!--\[if[^\]>]{0,200}\]>(?:<!-->|-->)?|<!(?:--<!)?\[endif\](?:--)?>", re.IGNORECASE
)
_LETTERS = frozenset(ascii_letters)
_NAME = re.compile(r"/?[a-zA-Z][^\s/>]*")
_SPACE = re.compile(r"[\s/]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s/>=][^\s/>=]*")
_COMMENT_END = re.compile("--!?>")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>]|$)", re.IGNORECASE) for name in ("style", "title")}
_EQUALS = re.compile(r"\s*=\s*")
_UNQUOTED = re.compile(r"[^\s>]+")
_CUT_ENTITY = re.compile(r"&#?\w{0,32}$")
_SCHEME_CHARS = re.compile(r"[a-zA-Z0-9+.\-]*")
_CSS_ADDRESS = re.compile(r"url\(\s*[\"']?\s*([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x20\x7f]+")
# What nearly every address of a shop looks like: nothing to check and nothing to encode.
_PLAIN_ADDRESS = re.compile(r"https?://[\w/.~?&=#%+,;:@!$*()\[\]'\-]*", re.ASCII)
_PLAIN_PART = re.compile(r"[\w/.~?&=#%+,;:@!$*()\[\]'\-]*", re.ASCII)
_CSS_VALUE = re.compile(r"[\w #.,%+\-]{1,200}|https?://[^\s\"'()\\;<>{}]{1,2000}")


class BadPlace(ValueError):
    """The HTML of a template cannot be used; `at` is the offset of the place in the source."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Place:
    """A position in HTML. `pending` is text read but not yet understood, `address` only counts inside an address."""

    kind: str = TEXT
    element: str = ""
    attribute: str = ""
    quote: str = ""
    address: str = ""
    pending: str = ""
    count: int = 0

    @property
    def is_address(self) -> bool:
        return self.kind == VALUE and self.attribute.rpartition(":")[2] in ADDRESS_ATTRIBUTES

    @property
    def is_style(self) -> bool:
        return (self.kind == VALUE and self.attribute == "style") or (
            self.kind == RAW and self.element == "style"
        )


def after_text(place: Place, text: str, at: int) -> Place:
    """The place after the template's own `text`, which stands at offset `at`; raises BadPlace."""
    return _Reader(place, text, at).read()


def after_value(place: Place) -> Place:
    """The place after a value: an address that has not shown its scheme yet may have begun one."""
    if place.is_address and place.address == OPENING:
        return replace(place, address=UNSURE, pending="")
    return replace(place, pending="") if place.kind == VALUE else place


def joined(one: Place, other: Place, at: int) -> Place:
    """The place after either of two ways through the template; raises BadPlace when they end in different ones."""
    if replace(one, address="", pending="", count=0) != replace(other, address="", pending="", count=0):
        raise BadPlace(
            _(
                "the ways through this tag end in different places of the HTML, one of them inside a tag or an attribute"
            ),
            at,
        )
    if one.kind != VALUE and one.pending != other.pending:
        raise BadPlace(_("write a space between the HTML and this tag"), at)
    if one.address == other.address:
        return (
            one
            if one.pending == other.pending
            else replace(one, pending="", address=UNSURE if one.is_address else "")
        )
    unsure = {OPENING, UNSURE} & {one.address, other.address}
    return replace(one, address=UNSURE if unsure else PATH, pending="")


def check_end(place: Place, at: int) -> None:
    """Raises BadPlace when the document ends inside a tag, an attribute or a comment."""
    if place.kind in (TAG, VALUE, COMMENT) or place.element == "style":
        raise BadPlace(
            _("the HTML ends inside <%(element)s>; something is not closed")
            % {"element": place.element or "!--"},
            at,
        )


def escaper(place: Place, is_encoded: bool, at: int) -> Callable[[str], str]:
    """What makes a text safe at this place; raises BadPlace where a value cannot stand."""
    if place.kind == TAG or (place.kind == TEXT and place.pending):
        if place.pending.rstrip().endswith("=") or "=" in place.pending:
            raise BadPlace(_("put quotes around the value of an attribute that holds a variable"), at)
        raise BadPlace(
            _("a variable cannot be part of a tag; use it in the text or in a quoted attribute"), at
        )
    if place.is_style:
        return _style_value
    if place.is_address:
        return _address_escaper(place, is_encoded, at)
    return html_entities.escape


def _address_escaper(place: Place, is_encoded: bool, at: int) -> Callable[[str], str]:
    if place.address in (OPENING, UNSURE):
        if _CUT_ENTITY.search(place.pending):
            raise BadPlace(_("an address cannot have a variable inside of &…;"), at)
        return _opening
    if place.address == QUERY and not is_encoded:
        return _query_part
    return _path_part


def _opening(text: str) -> str:
    if not _PLAIN_ADDRESS.fullmatch(text):
        text = _INVISIBLE.sub("", text)
        before, colon, _rest = text.partition(":")
        if colon and not _has_delimiter(before) and before.lower() not in SAFE_SCHEMES:
            raise RenderError(
                _("“%(address).60s” is not an address a letter may link to") % {"address": text}
            )
        text = iri_to_uri(text)
    return html_entities.escape(text)


def _path_part(text: str) -> str:
    if not _PLAIN_PART.fullmatch(text):
        text = iri_to_uri(_INVISIBLE.sub("%20", text))
    return html_entities.escape(text)


def _query_part(text: str) -> str:
    return quote(text, safe="~")


def _style_value(text: str) -> str:
    if not _CSS_VALUE.fullmatch(text):
        raise RenderError(_("“%(value).60s” cannot be used in a style rule") % {"value": text})
    return text if "&" not in text else text.replace("&", "%26")


def _has_delimiter(text: str) -> bool:
    return "/" in text or "?" in text or "#" in text


class _Reader:
    """Reads one run of literal HTML from a place to the next; every character is looked at a bounded number of times."""

    def __init__(self, place: Place, text: str, at: int) -> None:
        carried = place.pending if place.kind in (TEXT, TAG) else ""
        self.start = at - len(carried)
        self.text = carried + text
        self.pos = 0
        self.place = replace(place, pending="") if carried else place

    def read(self) -> Place:
        steps = {TEXT: self._text, TAG: self._tag, VALUE: self._value, COMMENT: self._comment, RAW: self._raw}
        while self.pos < len(self.text):
            steps[self.place.kind]()
        if len(self.place.pending) > MAX_PENDING_CHARS:
            self._refuse(_("this tag is too long"))
        return self.place

    def _refuse(self, message: str) -> NoReturn:
        raise BadPlace(message, max(0, self.start + self.pos))

    def _leave(self, pending: str = "") -> None:
        """Stop at the end of the text; `pending` is read again together with the next one."""
        self.place = replace(self.place, pending=pending)
        self.pos = len(self.text)

    def _text(self) -> None:
        text = self.text
        opened = text.find("<", self.pos)
        if opened < 0:
            self.pos = len(text)
            return
        self.pos = opened
        following = text[opened + 1 : opened + 2]
        if following == "!":
            self._declaration()
        elif following == "?":
            self._past(">")
        elif following in _LETTERS or (following == "/" and text[opened + 2 : opened + 3] in _LETTERS):
            self._open()
        elif not following or text[opened:] == "</":
            self._leave(pending=text[opened:])
        else:
            self.pos += 1

    def _declaration(self) -> None:
        text = self.text
        if conditional := _CONDITIONAL.match(text, self.pos):
            self.pos = conditional.end()
        elif text.startswith("<!--", self.pos):
            # "<!-->" and "<!--->" are whole comments to every reader.
            short = next((form for form in ("<!-->", "<!--->") if text.startswith(form, self.pos)), None)
            self.pos += len(short or "<!--")
            if short is None:
                self.place = Place(COMMENT)
        elif "<!--".startswith(text[self.pos :]):
            self._leave(pending=text[self.pos :])
        else:
            self._past(">")

    def _past(self, mark: str) -> None:
        end = self.text.find(mark, self.pos)
        if end < 0:
            self._refuse(_("this “<” is not closed"))
        self.pos = end + len(mark)

    def _comment(self) -> None:
        end = _COMMENT_END.search(self.text, self.pos)
        if end is None:
            self._leave()
        else:
            self.place, self.pos = Place(), end.end()

    def _open(self) -> None:
        name = _NAME.match(self.text, self.pos + 1)
        assert name is not None  # _text looked at the first letter
        element = name[0].lower()
        if element in REFUSED_ELEMENTS:
            self._refuse(
                _("<%(element)s> cannot be used in a letter; mail programs refuse it") % {"element": element}
            )
        if name.end() == len(self.text):
            self._refuse(_("write a space between the name of this tag and what follows"))
        self.place, self.pos = Place(TAG, element), name.end()

    def _tag(self) -> None:
        space = _SPACE.match(self.text, self.pos)
        assert space is not None  # it also matches nothing
        self.pos = space.end()
        if self.pos == len(self.text):
            return
        if self.text[self.pos] == ">":
            self.pos += 1
            is_raw = self.place.element in _RAW_END
            self.place = Place(RAW, self.place.element) if is_raw else Place()
            return
        self._attribute()

    def _attribute(self) -> None:
        name = _ATTRIBUTE_NAME.match(self.text, self.pos)
        if name is None:
            self._refuse(_("“=” without the name of an attribute"))
        attribute = name[0].lower()
        equals = _EQUALS.match(self.text, name.end())
        if name.end() == len(self.text) or (equals and equals.end() == len(self.text)):
            self._leave(pending=self.text[self.pos :])
            return
        self._check_attribute(attribute)
        if equals is None:
            self.pos = name.end()
        elif self.text[equals.end()] in "\"'":
            self.pos = equals.end() + 1
            address = OPENING if Place(VALUE, attribute=attribute).is_address else ""
            self.place = replace(
                self.place, kind=VALUE, attribute=attribute, quote=self.text[equals.end()], address=address
            )
        else:
            self._unquoted(attribute, equals.end())

    def _check_attribute(self, attribute: str) -> None:
        if (
            attribute.startswith("on")
            or attribute == "srcdoc"
            or "<" in attribute
            or '"' in attribute
            or "'" in attribute
        ):
            self._refuse(_("the attribute “%(name).40s” cannot be used in a letter") % {"name": attribute})
        if self.place.count >= MAX_ATTRIBUTES:
            self._refuse(_("this tag has more than %(limit)d attributes") % {"limit": MAX_ATTRIBUTES})
        self.place = replace(self.place, count=self.place.count + 1)

    def _unquoted(self, attribute: str, start: int) -> None:
        value = _UNQUOTED.match(self.text, start)
        end = value.end() if value else start
        if end == len(self.text):
            self._leave(pending=self.text[self.pos :])
            return
        inside = Place(VALUE, self.place.element, attribute)
        self._literal(replace(inside, address=OPENING if inside.is_address else ""), self.text[start:end])
        self.pos = end

    def _value(self) -> None:
        end = self.text.find(self.place.quote, self.pos)
        literal = self.text[self.pos : end if end >= 0 else len(self.text)]
        after = self._literal(self.place, literal)
        if end < 0:
            self.place, self.pos = after, len(self.text)
        else:
            if (
                after.is_address
                and after.address in (OPENING, UNSURE)
                and ":" in html_entities.unescape(after.pending)
            ):
                self._refuse(_("this is not an address a letter may link to"))
            self.place, self.pos = (
                replace(self.place, kind=TAG, attribute="", quote="", address="", pending=""),
                end + 1,
            )

    def _raw(self) -> None:
        end = _RAW_END[self.place.element].search(self.text, self.pos)
        literal = self.text[self.pos : end.start() if end else len(self.text)]
        self._literal(self.place, literal)
        if end is None:
            self._leave()
        else:
            self.pos = end.end()
            self.place = Place(TAG, f"/{self.place.element}")

    def _literal(self, place: Place, text: str) -> Place:
        """Check text the author wrote into a value or a style sheet; the place after it."""
        if place.is_style:
            self._check_style(text)
        elif place.is_address:
            return self._address(place, text)
        elif place.attribute == "http-equiv" and "refresh" in text.lower():
            self._refuse(_("a letter cannot send its reader to another page by itself"))
        return place

    def _check_style(self, text: str) -> None:
        if "@import" in text.lower():
            self._refuse(_("@import cannot be used in a letter; write the rules themselves"))
        for address in _CSS_ADDRESS.finditer(text):
            if address[1].lower() not in SAFE_SCHEMES:
                self._refuse(_("a style rule cannot load “%(scheme).20s:”") % {"scheme": address[1]})

    def _address(self, place: Place, text: str) -> Place:
        if place.address in (PATH, QUERY):
            return replace(place, address=QUERY) if "?" in text or "#" in text else place
        written = place.pending + text
        known = _INVISIBLE.sub("", html_entities.unescape(written))
        scheme = _SCHEME_CHARS.match(known)
        assert scheme is not None  # it also matches nothing
        if scheme.end() == len(known) or _CUT_ENTITY.search(written):
            return replace(place, pending=written)
        if known[scheme.end()] == ":" and (place.address == UNSURE or scheme[0].lower() not in SAFE_SCHEMES):
            self._refuse(
                _("a link cannot begin with “%(scheme).20s:”; use http, https, mailto or tel")
                % {"scheme": scheme[0] or "…"}
            )
        return replace(place, address=QUERY if "?" in known or "#" in known else PATH, pending="")
