"""The text part of a letter, made from its HTML."""

from __future__ import annotations

import html as html_entities
import re

from triggers.content.markup import VOID, attributes, pieces

# A blank line around these, a line of its own for those.
_SPACED = frozenset("p h1 h2 h3 h4 h5 h6 ul ol blockquote hr dl pre figure".split())
_OWN_LINE = frozenset(
    "div table tr li dt dd section article header footer main center address tbody thead tfoot body caption".split()
)
_DROPPED = frozenset(
    "head style script title template textarea select svg math iframe object noscript xmp".split()
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
# Invisible fillers that letters put behind their preheader, and soft hyphens.
_FILLERS = re.compile("[\u00ad\u034f\u200b-\u200f\u2060\ufeff]+")
_SPACES = re.compile(r"\s+")
_RULE = "-" * 20
_CELL_GAP = "  "


def html_to_text(html: str) -> str:
    """Readable plain text, linear in the size of the HTML: `text (address)` for links, `- ` for list items, one line per table row.

    Hidden elements (the preheader among them), styles, scripts and comments are left out.
    """
    writer = _Writer()
    for tag, body in pieces(html):
        if not tag:
            writer.text(body)
        elif tag[0] == "/":
            writer.end(tag[1:])
        else:
            writer.start(tag, body)
    return writer.result()


class _Writer:
    """Collects words into lines; a wish for a line end or a blank line is kept until the next word needs it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.gap = ""  # what goes before the next word on the same line
        self.blank = False
        self.hidden: list[str] = []  # open elements of the hidden part, outermost first
        self.lists: list[int] = []  # number of the next item, 0 for bullets
        self.marker = ""
        self.picture = ""  # the text of the picture that was the last word
        self.links: list[tuple[str, int, int]] = []  # address, and where its text began

    def start(self, tag: str, body: str) -> None:
        if self.hidden:
            if tag == self.hidden[0]:
                self.hidden.append(tag)
            return
        if tag not in VOID and (tag in _DROPPED or self._is_hidden(body)):
            self.hidden.append(tag)
        elif tag == "br":
            self._end_line()
        elif tag == "hr":
            self._block(True)
            self._word(_RULE)
            self._block(True)
        elif tag == "img":
            if not self._is_hidden(body):
                self._picture(attributes(body).get("alt", ""))
        elif tag == "a":
            self._end_link()
            address = html_entities.unescape(attributes(body).get("href", "")).strip()
            self.links.append((address, len(self.lines), len(self.line)))
        else:
            self._start_block(tag, body)

    def _start_block(self, tag: str, body: str) -> None:
        if tag in ("td", "th"):
            self.gap = _CELL_GAP if self.line else ""
        elif tag in _SPACED:
            self._block(not (self.lists and tag in ("ul", "ol", "p")))
        elif tag in _OWN_LINE:
            self._block(False)
        if tag in ("ul", "ol"):
            first = attributes(body).get("start", "1")
            self.lists.append(0 if tag == "ul" else int(first) if first.isdecimal() and len(first) < 6 else 1)
        elif tag == "li":
            self._start_item()

    def _start_item(self) -> None:
        if not self.lists:
            self.lists.append(0)
        indent = "  " * min(len(self.lists) - 1, 10)
        if self.lists[-1]:
            self.marker = f"{indent}{self.lists[-1]}. "
            self.lists[-1] += 1
        else:
            self.marker = f"{indent}- "

    def end(self, tag: str) -> None:
        if self.hidden:
            if tag == self.hidden[0]:
                self.hidden.pop()
            return
        if tag == "a":
            self._end_link()
        elif tag in ("ul", "ol"):
            if self.lists:
                self.lists.pop()
            self._block(not self.lists)
        elif tag in ("td", "th"):
            self.gap = _CELL_GAP if self.line else ""
        elif tag in _SPACED:
            self._block(not (self.lists and tag == "p"))
        elif tag in _OWN_LINE:
            self._block(False)

    def text(self, raw: str) -> None:
        if self.hidden:
            return
        text = html_entities.unescape(raw) if "&" in raw else raw
        text = _FILLERS.sub("", text)
        words = _SPACES.sub(" ", text)
        if words == "" or words == " ":
            if words and self.line and not self.gap:
                self.gap = " "
            return
        if words[0] == " " and self.line and not self.gap:
            self.gap = " "
        self._word(words.strip())
        if words[-1] == " ":
            self.gap = " "

    def _picture(self, alt: str) -> None:
        count = len(self.line)
        self.text(alt)
        if len(self.line) > count:
            self.picture = self.line[-1].strip()

    def _word(self, words: str) -> None:
        if not self.line:
            if self.blank and self.lines:
                self.lines.append("")
            self.blank = False
            self.gap = ""
            words = self.marker + words
            self.marker = ""
        elif self.picture == words:  # a picture with the name that follows says it twice
            self.gap = "" if len(self.line) == 1 else self.line[-1][: -len(words)]
            self.line.pop()
            self.links = [(address, line, min(word, len(self.line))) for address, line, word in self.links]
        self.line.append(self.gap + words)
        self.gap, self.picture = "", ""

    def _end_line(self) -> None:
        if self.line:
            self.lines.append("".join(self.line))
            self.line = []
        self.gap = ""

    def _block(self, blank: bool) -> None:
        self._end_line()
        self.blank = self.blank or blank

    def _end_link(self) -> None:
        if not self.links:
            return
        address, line, word = self.links.pop()
        shown = " ".join(
            ["".join(self.line[word:])]
            if line == len(self.lines)
            else [*self.lines[line:], "".join(self.line)]
        )
        shown, target = shown.strip(), address.removeprefix("mailto:").removeprefix("tel:")
        if shown and target and not address.startswith("#") and not shown.endswith(target):
            self.gap = self.gap if self.gap == " " else ""
            kept, self.gap = self.gap, " "
            self._word(f"({target})")
            self.gap = kept

    @staticmethod
    def _is_hidden(body: str) -> bool:
        if "style" not in body and "hidden" not in body and "STYLE" not in body:
            return False
        found = attributes(body)
        return "hidden" in found or bool(_HIDDEN_STYLE.search(found.get("style", "")))

    def result(self) -> str:
        self._end_link()
        self._end_line()
        return "\n".join(line.rstrip() for line in self.lines).strip()
