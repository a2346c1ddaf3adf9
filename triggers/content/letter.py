"""A letter or a text message: compiled once per template, filled once per contact.

The HTML part is filled first, its style rules are then written into the elements (never the other way round: a style inliner moves
`{% for %}` out of tables), and the text part is made from the result when the template has none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext as _

from triggers.conf import settings
from triggers.content.deadline import check, new_deadline
from triggers.content.html_text import html_to_text
from triggers.content.inline import inline_css
from triggers.content.language import CompiledTemplate, compile_template
from triggers.content.parser import Unguarded
from triggers.content.plain import Group, freeze
from triggers.content.variables import LETTER_VARIABLES, TEXT_VARIABLES, Variables
from triggers.exceptions import RenderError, TemplateError

# Characters of a finished subject and preheader; programs show far less.
MAX_SUBJECT_CHARS = 250
MAX_PREHEADER_CHARS = 500
# Compiled templates a process keeps.
KEPT_TEMPLATES = 200
# A text message longer than ten parts of 153 characters is refused by providers.
MAX_SMS_CHARS = 1_530

# Preheaders shorter than this are filled up, or the program would go on with the first words of the letter.
_PREHEADER_FILL = 90
_PREHEADER = '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all">{text}</div>'
# The body tag as the inliner writes it; comments (Outlook's among them) are stepped over.
_BODY = re.compile(r'<!--.*?-->|(<body(?:\s[^\s=>]+(?:="[^"]*")?)*\s*>)', re.DOTALL)
_LINE_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029\u00a0 ]+")
# Controls of direction and invisible characters, but the joiners that emoji and Persian need.
_NOT_IN_HEADERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACES = re.compile(" {2,}")
_MOST_MARKS = 4
_EMAIL_FIELDS = ("subject", "preheader", "html", "text")


@dataclass(frozen=True, slots=True)
class LetterSource:
    """What a person wrote; the same sources share one compiled letter. `channel` is "email" or "sms" (which only has `text`)."""

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A finished letter. `html` is empty for letters of text only, `subject` and `html` for text messages."""

    subject: str
    html: str
    text: str
    preheader: str = ""


@dataclass(frozen=True, slots=True)
class CompiledLetter:
    """The checked parts of a letter; None where the template has no such part."""

    subject: CompiledTemplate | None
    preheader: CompiledTemplate | None
    html: CompiledTemplate | None
    text: CompiledTemplate | None
    channel: str

    @property
    def uses(self) -> frozenset[str]:
        """The paths the letter names, so that nothing else has to be loaded for it."""
        return frozenset().union(*(part.uses for part in self._parts()))

    @property
    def unguarded(self) -> dict[str, tuple[Unguarded, ...]]:
        """Field -> places where a contact without the value would not get the letter."""
        return {part.where: part.unguarded for part in self._parts() if part.unguarded}

    def _parts(self) -> list[CompiledTemplate]:
        return [part for part in (self.subject, self.preheader, self.html, self.text) if part is not None]

    def render(self, context: Mapping[str, Any] | Group) -> RenderedLetter:
        """The letter for one contact, in the active language and time zone.

        `context` is plain data as `variables.LETTER_VARIABLES` describes it; `message` is added here. Raises RenderError,
        also when it takes longer than RENDER_SECONDS.
        """
        ends_at = new_deadline()
        root = freeze(context, ends_at)
        if self.channel == "sms":
            return RenderedLetter("", "", _filled(self.text, root, ends_at, MAX_SMS_CHARS))
        subject = header_line(_filled(self.subject, root, ends_at))
        if not subject:
            raise RenderError(_("the subject is empty for this contact"))
        preheader = header_line(_filled(self.preheader, root, ends_at), MAX_PREHEADER_CHARS)
        root = Group({**root._fields, "message": Group({"subject": subject, "preheader": preheader})})
        text = _filled(self.text, root, ends_at)
        html = ""
        if self.html is not None:
            html = inline_css(self.html.render(root, ends_at))
            text = text or html_to_text(html)
            if preheader and "message.preheader" not in self.html.uses:
                html = _with_preheader(html, preheader)
        check(ends_at)
        return RenderedLetter(subject, html, text, preheader)


def compile_letter(source: LetterSource, variables: Variables | None = LETTER_VARIABLES) -> CompiledLetter:
    """The letter, checked and ready to be filled; kept for the next call. Raises TemplateError for the first problem there is."""
    return _compiled(source, _Same(variables) if variables else None, settings.MAX_SOURCE_CHARS)


def compile_text(source: str, variables: Variables | None = TEXT_VARIABLES) -> CompiledLetter:
    """The same for a text message."""
    return compile_letter(LetterSource(text=source, channel="sms"), variables)


def letter_problems(
    source: LetterSource, variables: Variables | None = LETTER_VARIABLES
) -> dict[str, TemplateError]:
    """Field -> what is wrong with it, all fields at once, for a form; empty when the letter compiles."""
    problems: dict[str, TemplateError] = {}
    for field in ("text",) if source.channel == "sms" else _EMAIL_FIELDS:
        try:
            _part(source, field, variables)
        except TemplateError as error:
            problems[field] = error
    for field, message in _absent(source).items():
        problems.setdefault(field, TemplateError(message))
    return problems


class _Same:
    """Makes declared variables, which hold dictionaries, usable as a cache key: the same object is the same declaration."""

    __slots__ = ("variables",)

    def __init__(self, variables: Variables) -> None:
        self.variables = variables

    def __hash__(self) -> int:
        return id(self.variables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.variables is other.variables


# The limit is part of the key so that a lowered setting is felt at once.
@lru_cache(maxsize=KEPT_TEMPLATES)
def _compiled(source: LetterSource, declared: _Same | None, max_source_chars: int) -> CompiledLetter:
    variables = declared.variables if declared else None
    for message in _absent(source).values():
        raise TemplateError(message)
    if source.channel == "sms":
        return CompiledLetter(None, None, None, _part(source, "text", variables), source.channel)
    subject, preheader, html, text = (_part(source, field, variables) for field in _EMAIL_FIELDS)
    return CompiledLetter(subject, preheader, html, text, source.channel)


def _absent(source: LetterSource) -> dict[str, str]:
    """Field -> the sentence for a part that must be there and is not."""
    if source.channel == "sms":
        return {} if source.text.strip() else {"text": _("text: a text message needs a text")}
    absent = {} if source.subject.strip() else {"subject": _("subject: a letter needs a subject")}
    if not source.html.strip() and not source.text.strip():
        absent["html"] = _("html: a letter needs an HTML part or a text part")
    return absent


def _part(source: LetterSource, field: str, variables: Variables | None) -> CompiledTemplate | None:
    written: str = getattr(source, field)
    if not written.strip():
        return None
    if variables is LETTER_VARIABLES and (field in ("subject", "preheader") or source.channel == "sms"):
        variables = TEXT_VARIABLES  # `message` is made from these, so they cannot use it
    return compile_template(written, where=field, variables=variables, autoescape=field == "html")


def _filled(part: CompiledTemplate | None, root: Group, ends_at: float, most_chars: int | None = None) -> str:
    if part is None:
        return ""
    text = part.render(root, ends_at).strip()
    if most_chars is not None and len(text) > most_chars:
        raise RenderError(
            _("the text has %(chars)d characters, %(most)d are possible")
            % {"chars": len(text), "most": most_chars}
        )
    return text


def header_line(text: str, most_chars: int = MAX_SUBJECT_CHARS) -> str:
    """One line that is safe as the value of a mail header: no control characters, no change of direction, bounded length."""
    text = _NOT_IN_HEADERS.sub("", _LINE_BREAKS.sub(" ", text[: most_chars * 8]))
    text = _SPACES.sub(" ", text).strip()
    if not text.isascii():
        text = _fewer_marks(unicodedata.normalize("NFC", text))
    return text if len(text) <= most_chars else text[: most_chars - 1].rstrip() + "…"


def _fewer_marks(text: str) -> str:
    """No more than a few combining marks on one letter: towers of them cover the lines around."""
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _with_preheader(html: str, preheader: str) -> str:
    filler = "&#8199;&#847;" * max(0, _PREHEADER_FILL - len(preheader))
    block = _PREHEADER.format(text=escape(preheader) + filler)
    for found in _BODY.finditer(html):
        if found[1]:
            return f"{html[: found.end()]}{block}{html[found.end() :]}"
    return block + html
