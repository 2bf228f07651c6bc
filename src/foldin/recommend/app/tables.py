"""Text as the page shows it: no title, id or name of the data becomes markup.

Streamlit's own tables are drawn on a canvas, which a screen reader cannot read, or read their cells as Markdown.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape

NUMBERS = frozenset({"rank", "score", "rating"})
"""Columns that are aligned right."""
STYLE = """<style>
.foldin { overflow-x: auto }
h1 { font-size: clamp(1.6rem, 4vw, 2.4rem) !important }
h2.foldin { font-size: 1.4rem; padding: 0 }
.stMainBlockContainer { padding-top: 2.5rem !important }
.foldin table { border-collapse: collapse; width: 100% }
.foldin caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem }
.foldin th, .foldin td { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem; white-space: pre-line;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
.foldin .number { text-align: right; font-variant-numeric: tabular-nums }
@media (max-width: 40rem) { .foldin .id { display: none } }
</style>"""


def html(caption: str, columns: Mapping[str, Sequence[str]]) -> str:
    """Return columns of text as an HTML table, whose first column names the rows.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : mapping of str to sequence of str
        Heading → cells; all of one length.
    """
    # On a phone, an id beside a title is left out.
    kinds = {**dict.fromkeys(NUMBERS, "number"), **({"item": "id"} if "title" in columns and "rank" in columns else {})}
    classes = [f' class="{kinds[name]}"' if name in kinds else "" for name in columns]
    heads = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(columns, classes, strict=True))
    rows = "".join(_row(cells, classes) for cells in zip(*columns.values(), strict=True))
    title = escape(caption, quote=True)
    return (
        f'<div class="foldin" role="region" tabindex="0" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def heading(text: str) -> str:
    """Return text as a heading below the page's title."""
    return f'<h2 class="foldin">{escape(text)}</h2>'


def paragraph(text: str, role: str = "note") -> str:
    """Return text as a paragraph: a note, or an alert, which screen readers read out at once."""
    return f'<p role="{role}">{escape(text)}</p>'


def plain(text: str) -> str:
    """Return text for a label, where Streamlit reads Markdown, so that it shows as it is.

    Streamlit turns `:smile:` and `www.example.org` into emoji and links even where they are escaped; a word joiner,
    which is not visible, keeps them apart.
    """
    escaped = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(\\[.:])", "\u2060\\1", escaped)


def _row(cells: Sequence[str], classes: Sequence[str]) -> str:
    first, *rest = (f"{kind}>{escape(cell)}" for cell, kind in zip(cells, classes, strict=True))
    return f'<tr><th scope="row"{first}</th>' + "".join(f"<td{each}</td>" for each in rest) + "</tr>"
