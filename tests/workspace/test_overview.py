"""All data sets side by side: who wins, what is tied, and what is left out."""

import json
import re

import pytest
from conftest import CHECKOUT

from foldin import cli
from foldin.core.errors import FoldinError
from foldin.report import standings
from foldin.workspace import overview

HEAD = "model,family,kind,rmse,mae,ndcg,recall,coverage,rmse_low,rmse_high,rmse_tied,ndcg_low,ndcg_high,ndcg_tied\n"
ORACLE = "oracle,baselines,oracle,0.5,0.4,0.9,0.5,0.3,0.4,0.6,False,0.8,1.0,False\n"
BIAS = "bias,baselines,baseline,0.8,0.6,0.3,0.1,0.4,0.7,0.92,True,0.0,0.2,False\n"
MF = "mf-l2,svd,model,0.81,0.6,0.1,0.1,0.4,0.7,0.9,True,0.0,0.2,False\n"
ALS = "als-implicit,als,model,,,0.4,0.1,0.2,,,,0.35,0.47,True\n"


def report(folder, name, *rows, sizes=None):
    place = folder / "reports" / name
    (place / "metrics" / "als").mkdir(parents=True)
    (place / "leaderboard.csv").write_text(HEAD + "".join(rows))
    (place / "metrics" / "als" / "als-implicit.json").write_text('{"ndcg_at_10": 0.4}')
    if sizes:
        known = dict(zip(("users", "items", "ratings"), sizes, strict=True))
        (place / "profile.json").write_text(json.dumps(known | {"density": 0.1}))


def test_a_baseline_can_win_the_oracle_cannot_and_ties_are_named(workspace):
    report(workspace, "demo", ORACLE, BIAS, MF, ALS, sizes=(1200, 1000, 80040))
    (found,) = overview.entries()
    assert (found.models, found.sizes, found.k) == (2, (1200, 1000, 80040), "@10")
    assert found.rmse == standings.Winner("bias", 0.8, pytest.approx(0.11), ["mf-l2"])
    assert found.ndcg == standings.Winner("als-implicit", 0.4, pytest.approx(0.06), [])
    row = overview.markdown().splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "[demo](demo/README.md)", "**bias**<br>0.8000\u00a0±\u00a00.1100<br>tied: mf-l2",
        "**als-implicit**<br>0.4000\u00a0±\u00a00.0600", "1,200 × 1,000 × 80,040",
    ]  # fmt: skip


def test_the_command_prints_it_and_data_without_ratings_have_a_dash(workspace, capsys):
    report(workspace, "clicks", ALS)
    report(workspace, "demo", BIAS, MF, ALS, sizes=(1200, 1000, 80040))
    assert cli.main(["show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "data set"
    assert lines[0].endswith("best NDCG@10")
    assert " ".join(lines[2].split()) == "demo 2 1,200 × 1,000 × 80,040 bias 0.8000 + 1 als-implicit 0.4000"
    assert " ".join(lines[3].split()) == "clicks 1 – – als-implicit 0.4000"
    assert lines[-1] == "One leaderboard: foldin show demo"
    assert cli.main(["show", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| data set ")
    assert cli.main(["show", "demo", "--markdown"]) == 2


def test_without_a_report_the_error_names_the_command(workspace):
    with pytest.raises(FoldinError, match=r"reports: no data set has a report yet; make one first: make repro"):
        overview.entries()


def test_what_is_committed_fits_a_terminal(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    assert max(map(len, overview.text().splitlines())) <= 120


def test_the_page_of_reports_shows_it_and_says_which_pages_are_of_an_earlier_version(monkeypatch):
    """When a report changed, this prints the table to put in: that of `foldin show --markdown`."""
    monkeypatch.chdir(CHECKOUT)
    text = (CHECKOUT / "reports" / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- winners:[^>]*-->\n\n(.*?)\n\n<!-- end of winners -->", text, re.DOTALL)
    assert shown == overview.markdown(), overview.markdown()
    most = max(entry.models for entry in overview.entries())
    earlier = {entry.name for entry in overview.entries() if entry.models < most}
    page = " ".join(text.split())
    (said,) = re.findall(r"The pages of (.*?) come from an earlier version", page)
    assert earlier == set(re.findall(r"`([\w-]+)`", said))
    assert f"The other pages compare {most} models." in page


def test_a_damaged_profile_is_said_in_one_line(workspace, capsys):
    report(workspace, "demo", BIAS, sizes=(1200, 1000, 80040))
    (workspace / "reports" / "demo" / "profile.json").write_text('{"users": 12')
    assert cli.main(["show"]) == 1
    said = "reports/demo/profile.json: not valid JSON; restore it: git checkout reports/demo/profile.json"
    assert capsys.readouterr().err == f"foldin: {said}\n"
