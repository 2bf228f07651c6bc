"""`foldin show` and DVC's own tables: what is committed fits a terminal of 120 columns."""

import json
import re
import shutil

import pytest
from conftest import CHECKOUT, commit, edit_params, sh

from foldin import cli
from foldin.metrics import definitions
from foldin.workspace import show

WIDTH = 120
REPORTED = sorted(file.parent.name for file in (CHECKOUT / "reports").glob("*/leaderboard.csv"))


def widest(text):
    return max(map(len, text.splitlines()))


@pytest.fixture
def checkout(monkeypatch):
    monkeypatch.chdir(CHECKOUT)


@pytest.mark.parametrize("dataset", REPORTED)
def test_the_leaderboard_that_is_committed_fits_a_terminal(checkout, dataset):
    text = show.text(dataset)
    assert widest(text) <= WIDTH
    models = {file.stem for file in (CHECKOUT / "reports" / dataset / "metrics").glob("*/*.json")}
    rows = [line for line in text.splitlines() if line.split(" ")[0] in models]
    assert len(rows) == len(models)
    assert "NDCG@10" in text


def test_show_names_the_best_and_marks_ties(workspace, capsys):
    (workspace / "reports" / "demo").mkdir(parents=True)
    (workspace / "reports" / "demo" / "leaderboard.csv").write_text(
        "model,family,kind,rmse,mae,ndcg,recall,coverage,rmse_low,rmse_high,rmse_tied,ndcg_low,ndcg_high,ndcg_tied\n"
        "oracle,baselines,oracle,0.5,0.4,0.9,0.5,0.3,0.4,0.6,False,0.8,1.0,False\n"
        "als-implicit,als,model,,,0.2,0.1,0.2,,,,0.1,0.3,True\n"
        "ncf,deep,model,0.8,0.6,0.1,0.1,0.4,0.7,0.9,True,0.0,0.2,False\n"
        "mf-l2,svd,model,0.81,0.6,0.1,0.1,0.4,0.7,0.9,True,0.0,0.2,False\n"
    )
    assert cli.main(["show", "demo"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "demo: ncf has the best RMSE (0.8000, tied with 1 more)\n"
        "demo: als-implicit has the best NDCG (0.2000, a significant lead)\n"
    )
    assert "0.8100*" in printed
    assert "0.5000*" not in printed, "the truth is no contender"


def test_a_data_set_without_a_report_is_told_from_those_with_one(workspace, capsys):
    (workspace / "reports" / "ml-100k").mkdir(parents=True)
    (workspace / "reports" / "ml-100k" / "leaderboard.csv").write_text("")
    assert cli.main(["show", "nix"]) == 1
    assert "reports/nix/leaderboard.csv: no leaderboard here; there are reports of: ml-100k" in capsys.readouterr().err
    assert cli.main(["show", "demo"]) == 1
    assert "make it: dvc repro report@demo" in capsys.readouterr().err


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """Return a repository of the committed reports, pipeline and parameters."""
    folder = tmp_path_factory.mktemp("committed") / "foldin"
    folder.mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(CHECKOUT / name, folder)
    shutil.copytree(CHECKOUT / ".dvc" / "plots", folder / ".dvc" / "plots")
    for name in ("config", "plots.html"):
        shutil.copy(CHECKOUT / ".dvc" / name, folder / ".dvc")
    shutil.copytree(CHECKOUT / "reports", folder / "reports", ignore=shutil.ignore_patterns("notebooks", ".gitignore"))
    sh("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    commit(folder, "first")
    return folder


def name_dataset(folder, dataset):
    """Commit params.yaml with one data set in it."""
    edit_params(folder, lambda values: values.update(datasets=[dataset]))
    sh("git", "commit", "--quiet", "--all", "--allow-empty", "--message", dataset, cwd=folder)


@pytest.mark.parametrize("dataset", ["demo", "ml-100k"])
def test_dvc_metrics_show_prints_a_line_for_each_model_and_nothing_else(committed, dataset):
    name_dataset(committed, dataset)
    lines = sh("dvc", "metrics", "show", cwd=committed).stdout.splitlines()
    models = {file.stem for file in (committed / "reports" / dataset / "metrics").glob("*/*.json")}
    assert [line.split()[0].split("/")[1:3] for line in lines[1:]] == [[dataset, "metrics"]] * len(models)
    assert {line.split()[0].split("/")[-1].removesuffix(".json") for line in lines[1:]} == models
    assert max(map(len, lines)) <= WIDTH
    assert 1 < len(lines[0].split()) <= 1 + 10


@pytest.mark.parametrize("dataset", ["demo", "ml-100k"])
def test_dvc_metrics_diff_after_a_change_of_the_largest_family_fits_a_screen(committed, dataset):
    name_dataset(committed, dataset)
    families = (committed / "reports" / dataset / "metrics").iterdir()
    largest = max(families, key=lambda folder: len(list(folder.iterdir())))
    for file in largest.iterdir():
        values = {name: value + 0.012345 for name, value in json.loads(file.read_text()).items()}
        file.write_text(json.dumps(values, indent=2))
    # What is in git and no metric is not printed.
    account = committed / "reports" / dataset / "accounts" / "split.json"
    account.write_text(account.read_text().replace('"users": ', '"users": 1'))
    lines = sh("dvc", "metrics", "diff", cwd=committed).stdout.splitlines()
    sh("git", "checkout", "--quiet", "reports", cwd=committed)
    assert 1 + 12 < len(lines) <= 40
    assert max(map(len, lines)) <= WIDTH
    assert all(f"/metrics/{largest.name}/" in line for line in lines[1:])


@pytest.mark.parametrize("dataset", REPORTED)
def test_headline_metrics_that_are_committed_are_those_of_the_tables(dataset):
    folder = CHECKOUT / "reports" / dataset
    tables = {file.stem: json.loads(file.read_text()) for file in (folder / "tables").glob("*.json")}
    files = {(file.parent.name, file.stem): json.loads(file.read_text()) for file in folder.glob("metrics/*/*.json")}
    assert files == {
        (family, model): definitions.headline(values)
        for family, table in tables.items()
        for model, values in table.items()
        if "." not in model
    }
    # A value stands on a line of its own, so that git diffs it.
    for family, table in tables.items():
        text = (folder / "tables" / f"{family}.json").read_text()
        assert len(text.splitlines()) > sum(map(len, table.values()))


def test_dvc_plots_diff_writes_a_page_that_loads_nothing(committed, tmp_path):
    name_dataset(committed, "demo")
    sh("dvc", "plots", "diff", "--out", str(tmp_path / "plots"), cwd=committed)
    page = (tmp_path / "plots" / "index.html").read_text(encoding="utf-8")
    assert "function vegaEmbed" in page
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"?https?:", page)
    assert "vegaEmbed('#reports_demo_training_als_csv'" in page.replace('"', "'")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_the_page_draws_lines_bars_and_pictures_and_leaves_numbers_out(committed, tmp_path):
    name_dataset(committed, "demo")
    sh("dvc", "plots", "diff", "--out", str(tmp_path / "plots"), cwd=committed)
    browser = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command = [*browser, "--window-size=1200,900", "--dump-dom", f"file://{tmp_path}/plots/index.html"]
    page = sh(*command, cwd=tmp_path).stdout
    drawn = re.sub(r"<script.*?</script>", "", page.split("<body>")[1], flags=re.DOTALL)
    assert drawn.count("<polyline") >= 10, "training curves"
    assert drawn.count("<rect") >= 15, "the leaderboard"
    assert drawn.count("<img") >= 4
    assert ">validation_rmse</text>" in drawn
    assert 'id="reports_demo_accounts_split_json"' not in drawn
    assert not {"undefined", "NaN"} & set(re.findall(r"\w+", drawn))
