"""`foldin compare REV --markdown`: one short table of what changed, for the summary of a workflow or a comment.

Metrics that are worse come first, and at most `ROWS` rows are shown: a summary is read on a phone, too.
"""

from collections.abc import Sequence

import pandas as pd

from foldin.core.text import markdown

ROWS = 20
"""Rows of the table, at most."""
FIRST = ("worse", "better", "worse?", "better?")
"""Verdicts that come first, in this order; the others keep the order of the comparison."""


def text(table: pd.DataFrame, before: str, after: str, sentences: Sequence[str], notes: Sequence[str]) -> str:
    """Return a comparison as GitHub shows it.

    Parameters
    ----------
    table : pandas.DataFrame
        The differences, as `foldin.workspace.compare.differences` returns them; empty when nothing differs.
    before, after : str
        What the two commits are called.
    sentences : sequence of str
        What changed, a sentence for each family.
    notes : sequence of str
        What the columns mean; they are folded away below the table.

    Returns
    -------
    str
        A heading, the sentences, a table of at most `ROWS` rows, and the notes.
    """
    heading = f"### Metrics: {plain(before)} → {plain(after)}"
    if table.empty:
        return f"{heading}\n\n{' '.join(map(plain, sentences))}\n"
    order = table["verdict"].map(lambda verdict: FIRST.index(verdict) if verdict in FIRST else len(FIRST))
    rows = table.loc[order.sort_values(kind="stable").index].head(ROWS)
    columns = [*(["data set"] if len(set(table["data set"])) > 1 else []), "model", "metric", "before", "after"]
    shown = rows[columns].map(plain).assign(**{"change (interval)": _change(rows)})
    shown["verdict"] = [f"**{each}**" if each in FIRST[:2] else each for each in rows["verdict"]]
    more, left = len(table) - len(rows), ""
    if more:
        left = f"{more:,} more; without <code>--markdown</code>, all are printed.\n\n"
    said = "\n".join(f"- {plain(sentence)}" for sentence in sentences)
    drawn = shown.to_markdown(index=False, disable_numparse=True)
    explained = "\n\n".join(map(plain, notes))
    folded = f"<details><summary>What the columns mean</summary>\n\n{explained}\n\n</details>\n"
    return f"{heading}\n\n{said}\n\n{drawn}\n\n{left}{folded}"


def plain(name: str) -> str:
    """Return text that GitHub shows as it is: no name of a branch, model or data set becomes markup."""
    return markdown(name, keep="_")


def _change(rows: pd.DataFrame) -> list[str]:
    return [
        change if interval == "–" else f"{change} ({interval})"
        for change, interval in zip(rows["change"], rows["interval"], strict=True)
    ]
