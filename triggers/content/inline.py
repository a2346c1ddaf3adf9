"""Style sheets written into the elements, as mail programs want them; nothing is ever fetched or read for it."""

from __future__ import annotations

import re
from functools import lru_cache

from css_inline import CSSInliner, InlineError
from django.utils.translation import gettext as _

from triggers.content.markup import check_depth
from triggers.exceptions import RenderError

# The inliner cannot be stopped once it runs, and it takes (declarations x elements x different properties) steps:
# these keep the worst letter at about two seconds. Foundation for Emails, the largest usual style sheet, has 1,500
# declarations of 90 properties.
MAX_STYLE_CHARS = 100_000
MAX_PROPERTIES = 300
MAX_DECLARATIONS_TIMES_ELEMENTS = 3_000_000
MAX_CHARS_TIMES_ELEMENTS = 30_000_000
# With no more elements than this, no nesting is too deep.
FEW_ELEMENTS = 800

_DECLARED = re.compile(r"(?<![\w-])([\w-]++)\s*+:")
# One for the process: it holds no state. Media queries stay in a style element, everything else moves.
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)


def inline_css(html: str) -> str:
    """The HTML document with its `<style>` rules moved into `style` attributes.

    Raises RenderError for `<link>`, for CSS the inliner cannot read, and when the work would be out of proportion.
    """
    lowered = html.lower()
    if "<link" in lowered:
        raise RenderError(
            _("style sheets of other files cannot be used; write the rules into a style element")
        )
    elements = html.count("<") - html.count("</")
    if elements > FEW_ELEMENTS:
        check_depth(html)
    chars, declarations, properties = _style_weight(_styles(lowered))
    if (
        chars > MAX_STYLE_CHARS
        or properties > MAX_PROPERTIES
        or declarations * elements > MAX_DECLARATIONS_TIMES_ELEMENTS
        or chars * elements > MAX_CHARS_TIMES_ELEMENTS
    ):
        raise RenderError(_("there are too many style rules for a letter of this length"))
    try:
        return _INLINER.inline(html)
    except InlineError as error:
        raise RenderError(_("the style rules cannot be read: %(error)s") % {"error": error}) from error


def _styles(lowered: str) -> str:
    """What stands between the start and the end of style elements; what is never closed goes to the end."""
    found, at = [], 0
    while (start := lowered.find("<style", at)) >= 0:
        end = lowered.find("</style", start)
        at = len(lowered) if end < 0 else end
        found.append(lowered[start:at])
    return "".join(found)


# The style sheet is nearly always the template's own, the same for every message.
@lru_cache(maxsize=100)
def _style_weight(styles: str) -> tuple[int, int, int]:
    """Characters, declarations, different properties (counted too high: selectors have colons as well)."""
    declared = _DECLARED.findall(styles[: MAX_STYLE_CHARS + 1])
    return len(styles), len(declared), len(set(declared))
