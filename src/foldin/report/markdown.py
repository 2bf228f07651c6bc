"""Parts of Markdown pages: tables, plots side by side, and sections to fold out."""

from collections.abc import Sequence

import pandas as pd

from foldin.core import text

PIXELS = 400
"""Width of a plot that stands beside another on a wide screen, and below it on a phone."""


def table(rows: pd.DataFrame) -> str:
    """Return a table in which names of domains, titles and genres are text, and `**best**` is bold."""
    escaped = rows.rename(columns=lambda name: text.markdown(str(name)))
    escaped = escaped.map(lambda cell: text.markdown(cell.replace("|", ", "), "*_`") if isinstance(cell, str) else cell)
    return str(escaped.to_markdown(index=False, disable_numparse=True))


def beside(plots: dict[str, str]) -> str:
    """Return plots in one line, which breaks on a narrow screen: name of the file in plots/ → what it shows."""
    return "\n".join(f'<img src="plots/{name}.png" width="{PIXELS}" alt="{shown}">' for name, shown in plots.items())


def folded(title: str, parts: Sequence[str]) -> list[str]:
    """Return paragraphs under a title that shows them when it is clicked."""
    return [f"<details>\n<summary><b>{title}</b></summary>", *parts, "</details>"]


def listed(names: Sequence[str]) -> str:
    """Return names as an enumeration: `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
