"""`foldin compare REV --markdown`: a short table, what is worse first, whose names are no markup."""

import pandas as pd
import pytest

from foldin.workspace import compare, compare_markdown


def table(*verdicts, dataset="demo", model="als"):
    rows = [
        {
            "data set": dataset,
            "family": "als",
            "model": model,
            "metric": f"metric_{place}",
            "before": "0.500000",
            "after": "0.600000",
            "change": "+0.100000",
            "interval": "–" if verdict.endswith("?") else "+0.050000 to +0.150000",
            "p": "–",
            "verdict": verdict,
        }
        for place, verdict in enumerate(verdicts)
    ]
    return pd.DataFrame(rows, columns=compare.COLUMNS)


def cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], rows[2:]


def test_what_is_worse_comes_first_and_equals_keep_their_order():
    shown = compare_markdown.text(
        table("–", "better", compare.CHANCE, "worse", "better?", "worse"), "main", "HEAD", ["als: so."], ["A note."]
    )
    head, rows = cells(shown)
    assert head == ["model", "metric", "before", "after", "change (interval)", "verdict"]
    assert [row[1] for row in rows] == ["metric_3", "metric_5", "metric_1", "metric_4", "metric_0", "metric_2"]
    assert rows[0][4:] == ["+0.100000 (+0.050000 to +0.150000)", "**worse**"]
    assert rows[3][4:] == ["+0.100000", "better?"], "no interval is shown where there is none"
    assert shown.startswith("### Metrics: main → HEAD\n\n- als: so.\n\n|")
    assert "<details><summary>What the columns mean</summary>\n\nA note.\n\n</details>" in shown


def test_several_data_sets_are_named():
    head, _ = cells(
        compare_markdown.text(pd.concat([table("worse"), table("worse", dataset="x")]), "main", "HEAD", [], [])
    )
    assert head[0] == "data set"


@pytest.mark.parametrize("n", [compare_markdown.ROWS, compare_markdown.ROWS + 2])
def test_a_long_table_is_cut_and_says_so(n):
    shown = compare_markdown.text(table(*["worse"] * n), "main", "HEAD", [], [])
    assert len(cells(shown)[1]) == compare_markdown.ROWS
    assert ("2 more; without <code>--markdown</code>, all are printed." in shown) == (n > compare_markdown.ROWS)
    assert ("are printed" in shown) == (n > compare_markdown.ROWS)


def test_no_name_becomes_markup():
    name = "a|b<img src=x>`c`[d](e)*f*&lt;"
    shown = compare_markdown.text(table("worse", model=name), name, "HEAD", [name], [name])
    for special in "<|`[*":
        bare = shown.replace("**worse**", "").replace("<details>", "").replace("<summary>", "")
        bare = bare.replace("</summary>", "").replace("</details>", "")
        assert special not in "".join(line for line in bare.splitlines() if not line.startswith("|")), special
    _, rows = cells(shown)
    assert len(rows[0]) == 6
    assert rows[0][0] == "a&#124;b&#60;img src=x&#62;&#96;c&#96;&#91;d&#93;(e)&#42;f&#42;&#38;lt;"
