"""An executed notebook as a page: what it shows is on it, and nothing is loaded from elsewhere."""

import re
import webbrowser

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from foldin import cli
from foldin.core import paths
from foldin.workspace import strip

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def executed(workspace):
    """Return an executed notebook of als."""
    shown = [
        new_output("stream", text="1,200 users"),
        new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"}),
    ]
    cells = [new_markdown_cell("# What *ALS* learned", id="a"), new_code_cell("len(users)", id="b", outputs=shown)]
    path = paths.executed_notebook("demo", "als")
    path.parent.mkdir(parents=True)
    strip.write(path, new_notebook(cells=cells))
    return path


def test_the_page_shows_text_code_outputs_and_pictures_without_network(executed, workspace, capsys):
    target = workspace / "als.html"
    assert cli.main(["open", "als", "--to", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    page = target.read_text(encoding="utf-8")
    assert "<title>demo: als</title>" in page
    assert "What <em>ALS</em> learned" in page
    assert "1,200 users" in page
    assert f"data:image/png;base64,{PIXEL}" in page
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?https?:""", page)


def test_without_a_file_the_browser_opens_the_page_beside_the_notebook(executed, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    assert cli.main(["open", "als"]) == 0
    page = executed.with_suffix(".html")
    assert opened == [page.as_uri()]
    assert "1,200 users" in page.read_text(encoding="utf-8")
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert cli.main(["open", "als"]) == 0
    assert capsys.readouterr().out.endswith("No browser was found; open this file in one.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alz"], "foldin: no notebook 'alz'; did you mean 'als'?"),
        (
            ["als", "--dataset", "dmo"],
            "foldin: unknown data set 'dmo'; did you mean 'demo'? `foldin datasets` lists all",
        ),
        (["svd"], "foldin: reports/demo/notebooks/svd.ipynb: not executed yet; run: dvc repro train@demo-svd"),
        (["report"], "foldin: reports/demo/notebooks/report.ipynb: not executed yet; run: dvc repro report@demo"),
        (
            ["als", "--dataset", "ml-1m"],
            "foldin: reports/ml-1m/notebooks/als.ipynb: not executed yet; add 'ml-1m' to `datasets` in params.yaml, "
            "then run: dvc repro train@ml-1m-als",
        ),
        (
            ["als", "--to", "nowhere/als.html"],
            "foldin: nowhere/als.html: its folder does not exist; name a file in a folder that exists: --to als.html",
        ),
    ],
)
def test_what_cannot_be_opened_is_one_line(executed, capsys, arguments, said):
    assert cli.main(["open", *arguments]) == 1
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize("content", ["", '{"cells": [{"cell_type": "mark', "{}"])
def test_of_a_damaged_notebook_it_is_said_which_stage_makes_it_again(executed, workspace, capsys, content):
    executed.write_text(content)
    assert cli.main(["open", "als", "--to", str(workspace / "als.html")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("foldin: reports/demo/notebooks/als.ipynb: not a notebook: ")
    assert error.endswith("; make it again: dvc repro train@demo-als\n")
    assert error.count("\n") == 1
    assert not (workspace / "als.html").exists()
