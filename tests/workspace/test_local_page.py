"""`foldin page`: real users' rows are on a page that git ignores, and on no other."""

import dataclasses
import json
import re
import shutil
import subprocess
import webbrowser

import pandas as pd
import pytest
import report_world
from conftest import CHECKOUT

from foldin import cli
from foldin.core import paths
from foldin.datasets import registry
from foldin.workspace import local_page

WARNING = "This page shows rows of real users"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Return a repository whose models of `demo` are evaluated."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report_world.make(folder)
        shutil.copy(CHECKOUT / ".gitignore", folder)
        (paths.reports("demo") / "report.html").write_text("committed")
        subprocess.run(["git", "init", "--quiet"], check=True)
        subprocess.run(["git", "add", "reports/demo/report.html"], check=True)
    return folder


@pytest.fixture
def here(evaluated, monkeypatch):
    monkeypatch.chdir(evaluated)
    yield evaluated
    (evaluated / "reports" / "demo" / local_page.NAME).unlink(missing_ok=True)


@pytest.fixture
def real(here, monkeypatch):
    """Let the users of `demo` count as real."""
    get = registry.get
    monkeypatch.setattr(registry, "get", lambda name: dataclasses.replace(get(name), generate=None))
    return here


def examples(page):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)["examples"]


def test_it_shows_real_users_by_id_and_git_ignores_it(real, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    assert cli.main(["page"]) == 0
    page = real / "reports" / "demo" / "report.local.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert opened == [page.as_uri()]
    text = page.read_text()
    assert WARNING in text
    assert '<a href="README.md">' in text
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet").set_index(["user_id", "item_id"])["rating"]
    shown = examples(text)["users"]
    assert len(shown) > 100
    for user in shown:
        assert [rating for _, rating, *_ in user["held_out"]] == [
            ratings[user["id"], item] for item, *_ in user["held_out"]
        ]
        assert [rating for _, rating in user["liked"]] == [ratings[user["id"], item] for item, _ in user["liked"]]
    status = subprocess.run(["git", "status", "--porcelain", "--untracked-files=all"], capture_output=True, text=True)
    assert "reports/demo/metrics/" in status.stdout
    assert "local.html" not in status.stdout


@pytest.mark.parametrize("to", ["reports/demo/report.html", "page.html"])
def test_real_rows_are_not_written_where_git_would_take_them(real, capsys, to):
    assert cli.main(["page", "--to", to]) == 1
    assert capsys.readouterr().err == (
        f"foldin: {to}: git would take this file, and the page shows rows of real users; leave out --to, for "
        "report.local.html beside the report, or name another\n"
    )
    assert (real / "reports" / "demo" / "report.html").read_text() == "committed"
    assert not (real / "page.html").exists()


def test_elsewhere_its_links_lead_to_the_files_of_the_report(real, tmp_path, capsys):
    assert cli.main(["page", "--to", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    links = re.findall(r'<a href="([^#"]+)">', (tmp_path / "page.html").read_text())
    assert {*links} == {
        f"{(real / 'reports' / 'demo').as_uri()}/{name}"
        for name in ("README.md", "TRAPS.md", "definitions.json", "leaderboard.csv")
    }


def test_generated_users_may_be_written_anywhere_without_a_warning(here, capsys):
    assert cli.main(["page", "--to", "page.html"]) == 0
    assert WARNING not in (here / "page.html").read_text()
    assert examples((here / "page.html").read_text())["users"]
    (here / "page.html").unlink()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "dmo"], "unknown data set 'dmo'; did you mean 'demo'? `foldin datasets` lists all"),
        (
            ["--dataset", "ml-1m"],
            "data/predictions/ml-1m: the page is made of predictions, and none are here; add 'ml-1m' to `datasets` in "
            "params.yaml, then run: dvc repro report@ml-1m",
        ),
        (
            ["--to", "nowhere/page.html"],
            "nowhere/page.html: its folder does not exist; name a file in a folder that exists: --to page.html",
        ),
        (["--to", "reports"], "reports: is a folder; name a file in a folder that exists: --to page.html"),
    ],
)
def test_what_cannot_be_shown_is_one_line(here, capsys, arguments, said):
    assert cli.main(["page", *arguments]) == 1
    assert capsys.readouterr().err == f"foldin: {said}\n"
