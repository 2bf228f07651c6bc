"""reports/<dataset>/report.html: the template of this folder, filled with style, scripts and data.

The file needs no network, and its policy lets it load nothing. Its charts are drawn by hand: no installed package
ships a charting library as a file of its own, and a copy in the page of each data set would be in git.
"""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.report import plots, verdict
from foldin.report.contents import Findings
from foldin.report.html import data

FOLDER = Path(__file__).parent
SCRIPTS = ("charts.js", "table.js", "compare.js", "scatter.js", "users.js", "curves.js", "examples.js", "page.js")
"""In the order in which they run: each uses those before it."""
LARGEST = 2_000_000
"""Bytes of a page: it is in git for each data set."""
LOCAL = """
<p class="note">This page shows rows of real users. It is for this machine, and not for git: do not publish it.</p>"""


def write(findings: Findings) -> None:
    """Write reports/<dataset>/report.html.

    Raises
    ------
    FoldinError
        When the page is too large.
    """
    text = page(findings)
    size = len(text.encode())
    if size > LARGEST:
        raise FoldinError(
            f"report.html of '{findings.dataset.name}' has {size:,} bytes, more than {LARGEST:,}",
            where=paths.reports(findings.dataset.name).relative_to(paths.root()),
            remedy="compare fewer models: families in params.yaml",
        )
    files.write_text(paths.reports(findings.dataset.name) / "report.html", text)


def page(findings: Findings, *, local: bool = False, beside: str = "") -> str:
    """Return the page as HTML.

    Parameters
    ----------
    findings : Findings
        As `contents.open_report` gives them.
    local : bool, optional
        For a page that stays on this machine: it shows rows of real users, and says so.
    beside : str, optional
        What addresses of the other files of the report begin with; nothing where they are beside the page.
    """
    name = findings.dataset.name
    colours = "".join(f"--c{place}:{colour};" for place, colour in enumerate(plots.COLOURS))
    return fill(
        _asset("page.html"),
        {
            "title": html.escape(f"{name}: which recommender to trust"),
            "about": html.escape(findings.dataset.about),
            "local": LOCAL if local and not findings.dataset.generate else "",
            "beside": html.escape(beside),
            "bullets": bullets(findings),
            "skipped": "".join(f"<p>{marked(text)}</p>" for text in verdict.skipped_note(name)),
            "notes": marked(verdict.interval_note()),
            "style": f":root{{{colours}}}\n{_asset('page.css')}",
            "script": "\n".join(_asset(script) for script in SCRIPTS),
            "data": embedded(data.collect(findings, local=local)),
        },
    )


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its places `{{name}}` filled; what fills them is not searched for places again.

    Raises
    ------
    KeyError
        When a place has no value.
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], template)


def embedded(values: Mapping[str, Any]) -> str:
    """Return JSON that may stand in a script element: keys sorted, and no `<` that could end the element."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def marked(text: str) -> str:
    """Return a sentence as HTML, escaped, with its Markdown `**strong**` and `code` marked up."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def bullets(findings: Findings) -> str:
    """Return the sentences of the verdict as a list."""
    said = verdict.bullets(findings)
    if findings.best_rater is not None:
        said.setdefault("Caveats", []).append(verdict.coverage_note(findings))
    return "\n".join(
        f"<li><b>{html.escape(label)}.</b> {marked(' '.join(texts))}</li>" for label, texts in said.items()
    )


def _asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").rstrip("\n")
