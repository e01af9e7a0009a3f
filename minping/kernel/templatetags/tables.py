"""One way to show a table: `{% table "各单位" %}<table>…</table>{% endtable %}` (a builtin of every template).

Its box can be scrolled by hand and by keyboard, and shows at its edge that there is more; where it is too narrow for
the columns, each row stands as a card, every cell behind the word of its column (`data-label`; components.css).
The words come from the head of the table, so that no template says them twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from django import template
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FITS = 3  # columns that a phone shows as they are, if some of them are figures (class r) and not words
# A table that is laid out as blocks is one no more to some browsers: it says by role what it is.
GROUPS = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup"}
ROW = re.compile(r"<tr\b([^>]*)>(.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<(td|th)\b([^>]*)>(.*?)</\1>", re.DOTALL)
HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
NOTHING = {"", "—"}


@register.simple_block_tag(name="table")
def table(content: str, label: str) -> SafeString:
    """The table in its box; `label` names the region to whoever jumps from one to the next."""
    head = HEAD.search(content)
    words = [_word(inner) for _, _, inner in CELL.findall(head[0])] if head else []
    fits = len(words) < FITS or (len(words) == FITS and head is not None and 'class="r"' in head[0])
    stacks = head is not None and not fits
    if head and stacks:
        body = ROW.sub(lambda row: _row(row, words), content[head.end() :])
        content = content[: head.start()] + ROW.sub(lambda row: _row(row, None), head[0]) + body
        for tag, role in GROUPS.items():
            content = content.replace(f"<{tag}", f'<{tag} role="{role}"')
    kind = "scroll stacks" if stacks else "scroll"
    box = format_html('<div class="{}" tabindex="0" role="region" aria-label="{}（表）">', kind, label)
    return box + mark_safe(f"{content}</div>")


def _word(inner: str) -> str:
    """The word of a column; empty where the head is only for whoever listens (the buttons of a row)."""
    return "" if 'class="unseen"' in inner else html.unescape(strip_tags(inner)).strip()


def _row(found: re.Match[str], words: Sequence[str] | None) -> str:
    """A row and its cells with their roles, and each cell with its column's word: None for the head itself."""
    left = iter(words or ())
    cells = CELL.sub(lambda cell: _cell(cell, None if words is None else next(left, "")), found[2])
    return f'<tr{found[1]} role="row">{cells}</tr>'


def _cell(found: re.Match[str], word: str | None) -> str:
    tag, attributes, inner = found.groups()
    role = "columnheader" if word is None else "rowheader" if tag == "th" else "cell"
    told = f'{attributes} role="{role}"'
    if word is not None and "colspan" not in attributes:  # that is a sentence in place of rows
        told += f' data-label="{html.escape(word)}"' + (" data-nil" if inner.strip() in NOTHING else "")
    return f"<{tag}{told}>{inner}</{tag}>"
