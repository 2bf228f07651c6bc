"""The documentation is true: links, paths, commands, names, parameters and numbers on its pages exist and are right."""

import csv
import pkgutil
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from conftest import CHECKOUT, sh
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import params
from foldin.datasets import registry
from foldin.datasets.own import proposal, schema
from foldin.models import family_models
from foldin.preparation import protocols
from foldin.recommend.app import serve
from foldin.workspace import compare_markdown, mlflow_runs, outcome

PAGES = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for pattern in (
        "*.md",
        "docs/*.md",
        "reports/*.md",
        *(f"{name}/README.md" for name in ("own", "data", "benchmarks")),
    )
    for path in CHECKOUT.glob(pattern)
)
FOLDERS = ("src", "tests", "docs", "notebooks", "reports", "own", "benchmarks", "requirements", "data")
EXAMPLES = {"<data set>": "demo", "<dataset>": "demo", "<family>": "als", "<model>": "als-explicit"}
"""What stands for the placeholders of a path."""
YOURS = re.compile(
    r"own/(?!README)|reports/my-|reports/[^/]+/notebooks|reports/[^/]+/accounts/tuning"
    r"|data/partial|data/costs|data/archives"
)
"""Paths of a person's own, of what a run leaves outside git, and of what only a search of settings writes."""


def text(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def words(page: str) -> list[str]:
    """Return what stands in backticks, outside blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text(page), flags=re.MULTILINE | re.DOTALL))


def commands(page: str, program: str) -> list[str]:
    """Return the commands of a program that a page names, in blocks and in sentences, without their comments."""
    shown = re.findall(rf"^ *\$ ({program} .*)$", text(page), flags=re.MULTILINE)
    return [command.split(" #")[0].strip() for command in shown] + [
        word for word in words(page) if word.startswith(f"{program} ")
    ]


def tables(page: str) -> list[list[str]]:
    """Return the cells of all rows of all tables."""
    rows = [line for line in text(page).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def outs(prefix: str) -> dict[str, set[str]]:
    """Return what dvc.yaml says is written below a folder: path, with placeholders → stages."""
    found: dict[str, set[str]] = {}
    for stage, entry in YAML(typ="safe").load(CHECKOUT / "dvc.yaml")["stages"].items():
        for out in [*entry.get("outs", []), *entry.get("metrics", []), *entry.get("plots", [])]:
            path = next(iter(out)) if isinstance(out, dict) else out
            path = path.replace("${item.dataset}", "<data set>").replace("${item.family}", "<family>")
            if path.startswith(f"{prefix}/"):
                found.setdefault(re.sub(r"/notebooks/.*", "/notebooks", path), set()).add(stage)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    linked = re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text(page))
    linked += [(source, "") for source in re.findall(r'<img src="([^"]+)"', text(page))]
    for target, anchor in linked:
        if target.startswith("http"):
            continue
        linked = (CHECKOUT / page).parent / target if target else CHECKOUT / page
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}, anchor


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page):
    written = {path.partition("/<")[0] for path in outs("data")}
    for word in words(page):
        path = word.rstrip("/")
        if (
            path.split("/")[0] not in FOLDERS
            or "/" not in path
            or YOURS.match(path)
            or " " in path.replace("<data set>", "")
        ):
            continue
        for placeholder, example in EXAMPLES.items():
            path = path.replace(placeholder, example)
        if path.startswith("data/") and path != "data/README.md":
            assert any(f"{path}/".startswith(f"{folder}/") for folder in written), word
        else:
            assert (CHECKOUT / path).exists(), word


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_the_code_and_every_parameter_exists(page):
    values = YAML(typ="safe").load(CHECKOUT / "params.yaml")
    rooms = {path.stem for path in (CHECKOUT / "src" / "foldin").iterdir()}
    for word in words(page):
        name = word.removeprefix("foldin.")
        head, _, rest = name.partition(".")
        if not rest or not re.fullmatch(r"[\w.-]+", name) or (CHECKOUT / word).exists():
            continue
        value = values
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None and (head in rooms or head in values or word != name):
            # Raises where there is no such module, class or function.
            pkgutil.resolve_name(f"foldin.{name}")


def test_every_command_of_foldin_and_its_options_exist():
    asked: dict[str, set[str]] = {}
    for page in PAGES:
        for command in commands(page, "foldin"):
            name, *rest = command.split()[1:]
            asked.setdefault(name, set()).update(re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest)))
    assert {"describe", "compare", "verify", "datasets", "doctor"} <= asked.keys()
    for name, options in asked.items():
        shown = sh(sys.executable, str(CHECKOUT / "src" / "foldin"), name, "--help", cwd=CHECKOUT).stdout
        assert options <= set(re.findall(r"--[a-z-]+", shown)), name


def test_every_target_of_make_exists():
    offered = set(re.findall(r"^  make ([a-z-]+)", sh("make", "help", cwd=CHECKOUT).stdout, flags=re.MULTILINE))
    used = {command.split()[1] for page in PAGES for command in commands(page, "make")}
    assert {"repro", "test", "lab", "verify"} <= used <= offered
    for target in offered - {"help"}:
        sh("make", "--dry-run", target, cwd=CHECKOUT)


def test_the_front_page_shows_every_family_with_its_models_and_best_metrics():
    """When the report changed, this prints the cells to put in."""
    with (CHECKOUT / "reports" / "ml-100k" / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        board = [row for row in csv.DictReader(file) if row["kind"] != "oracle"]

    def best(metric: str, rows: list[dict[str, str]]) -> float | None:
        choose = min if metric == "rmse" else max
        return choose((float(row[metric]) for row in rows if row[metric]), default=None)

    def cell(metric: str, rows: list[dict[str, str]]) -> str:
        value = best(metric, rows)
        if value is None:
            return "–"
        mark = "**" if value == best(metric, board) else ""
        return f"{mark}{value:.4f}{mark}"

    right = {}
    for family in params.known_families():
        rows = [row for row in board if row["family"] == family]
        assert {row["model"] for row in rows} == set(family_models(family))
        names = ", ".join(f"`{name}`" for name in family_models(family))
        right[f"`{family}`"] = [names, cell("rmse", rows), cell("ndcg", rows)]
    shown = [cells for cells in tables("README.md") if len(cells) == 5 and cells[0].startswith("`")]
    assert {family: [names, rmse, ndcg] for family, names, _, rmse, ndcg in shown} == right
    n_models, n_baselines = len(board), len(family_models("baselines"))
    said = " ".join(text("README.md").split())
    assert f"{n_models - n_baselines} models and {n_baselines} baselines" in said


def test_the_front_page_shows_what_make_repro_prints_last():
    assert (
        "Read the comparison: reports/demo/README.md\n"
        f"  {outcome.winners('demo')}\n"
        "All metrics, plots and hashes are those of this commit.\n"
    ) in text("README.md")


def test_the_front_page_shows_the_parameter_that_is_there():
    ((key, before),) = re.findall(r"^params\.yaml +([\w.-]+) +(\S+) +\S+$", text("README.md"), flags=re.MULTILINE)
    value = YAML(typ="safe").load(CHECKOUT / "params.yaml")
    for part in key.split("."):
        value = value[part]
    assert str(value) == before


def test_the_front_page_and_the_page_of_times_agree():
    (first_run,) = re.findall(r"(\d+ min \d+ s)", text("README.md"))
    assert ["the pipeline in a fresh clone, after the installation", first_run] in tables("docs/reproducibility.md")


@pytest.mark.parametrize(("page", "prefix"), [("data/README.md", "data"), ("reports/README.md", "reports")])
def test_the_page_of_a_folder_names_all_that_stages_write_there(page, prefix):
    rows = [cells for cells in tables(page) if cells[0].startswith(f"`{prefix}/")]
    said = {cells[0].strip("`").rstrip("/"): set(re.findall(r"`(\w+)`", cells[2])) for cells in rows}
    assert said == outs(prefix)


def test_the_page_of_reports_names_every_data_set_that_has_one():
    linked = set(re.findall(r"\]\(([\w-]+)/README\.md\)", text("reports/README.md")))
    assert linked == {path.parent.name for path in (CHECKOUT / "reports").glob("*/README.md")}
    traps = set(re.findall(r"\]\(\.\./reports/([\w-]+)/TRAPS\.md\)", text("docs/traps.md")))
    assert traps == {path.parent.name for path in (CHECKOUT / "reports").glob("*/TRAPS.md")}


def test_the_page_of_data_sets_says_what_is_checked_and_how_each_comes():
    rows = [cells for cells in tables("docs/datasets.md") if cells[0].startswith("`")]
    said = {name: cells[1:] for cells in rows for name in re.findall(r"`([a-z0-9-]+)`", cells[0])}
    ways = {name: cells[2] for cells in reversed(rows) for name in re.findall(r"`([a-z0-9-]+)`", cells[0])}

    def checked(dataset):
        known = [file for file, digest in dataset.files.items() if digest]
        every = "every file it needs" if len(known) == len(dataset.files) else ", ".join(f"`{file}`" for file in known)
        counts = [what for what, count in vars(dataset.counts).items() if count] if dataset.counts else []
        return [every or "nothing", ", ".join(counts) or "nothing"]

    def way(dataset):
        return (
            "generated"
            if dataset.generate
            else "built from its parts"
            if dataset.parts
            else "downloaded"
            if dataset.address
            else "download it yourself"
        )

    assert ways == {name: way(dataset) for name, dataset in registry._ALL.items()}
    for name, dataset in registry._ALL.items():
        if not dataset.parts and not dataset.generate:
            assert [cell.partition(";")[0] for cell in said[name]] == checked(dataset)


def test_the_page_of_the_method_names_every_split():
    rows = [cells[0].strip("`") for cells in tables("docs/method.md") if cells[0].startswith("`")]
    assert rows == list(protocols.PROTOCOLS)


def test_the_page_of_your_own_files_names_every_key_of_a_declaration():
    said = {name for cells in tables("own/README.md") for name in re.findall(r"`([a-z_]+)`", " ".join(cells))}
    models = (schema.OwnData, schema.OwnItems, schema.OwnUsers)
    assert {key for model in models for key in model.model_fields} <= said
    keys = {name for cells in tables("own/README.md") for name in re.findall(r"`([a-z_]+)`", cells[0])}
    assert keys == set(schema.OwnData.model_fields)


def test_the_page_of_your_own_data_shows_what_describe_prints(workspace):
    (shown,) = re.findall(
        r"^   \$ foldin describe \S+\n(.*?)^   ```", text("docs/own-data.md"), re.MULTILINE | re.DOTALL
    )
    (workspace / "own").mkdir()
    log = (
        "member no;product;stars;when\n7;tea;4;2024-03-01\n7;cup;5;2024-03-02\n8;tea;3;2024-04-01\n"
        "9;cup;1;2024-04-01\n9;pot;2;2024-05-07\n8;pot;5;2024-06-01\n"
    )
    (workspace / "own" / "shop-log.csv").write_text(log)
    printed = proposal.proposal(Path("own/shop-log.csv"))
    assert [line.removeprefix("   ") for line in shown.splitlines()] == printed.splitlines()


def test_each_shape_of_data_is_proposed_as_its_page_shows(workspace, capsys):
    """When `foldin describe` changed, this prints the block to put in."""
    sections = re.split(r"^## \d+\. ", text("docs/your-data.md"), flags=re.MULTILINE)[1:]
    assert len(sections) == 10
    for section in sections:
        shutil.rmtree(workspace / "own", ignore_errors=True)
        (workspace / "own").mkdir()
        for name, content in re.findall(r"^```text (own/\S+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            (workspace / name).write_text(content)
        (command,) = re.findall(r"^\$ foldin (.*)$", section, re.MULTILINE)
        (shown,) = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        assert cli.main(shlex.split(command)) == 0
        printed = capsys.readouterr().out.splitlines()
        unsure = [line for line in printed if line.startswith("# UNSURE")]
        proposed = "\n".join([*unsure, *printed[printed.index("sources:") :]]) + "\n"
        assert shown == proposed, proposed
        (name,) = YAML(typ="safe").load(shown)["sources"]
        yaml = YAML()
        values = yaml.load(workspace / "params.yaml")
        values["sources"] = YAML(typ="safe").load(shown)["sources"]
        yaml.dump(values, workspace / "params.yaml")
        assert cli.main(["fetch", name]) == cli.main(["clean", name]) == 0


def test_the_page_of_recommendations_shows_what_is_printed(monkeypatch, capsys, tmp_path):
    """When models changed, this prints the blocks to put in; how long a run takes differs, and is not compared."""
    if not (CHECKOUT / "data" / "models" / "demo").is_dir():
        pytest.skip("needs the trained models of demo: make repro")
    page = text("docs/recommend.md")
    (mine,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.csv").write_text(mine)
    monkeypatch.chdir(CHECKOUT)
    shown, printed = [], []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        command = shlex.split(block.partition("\n")[0].removeprefix("$ foldin "))
        places = {"own/mine.csv": tmp_path / "mine.csv", "lists.parquet": tmp_path / "lists.parquet"}
        assert cli.main([str(places.get(word, word)) for word in command]) == 0
        output = capsys.readouterr().out.replace(f"{tmp_path}/", "")
        shown.append(block)
        printed.append(block.partition("\n")[0] + "\n" + output)
    assert len(shown) == 5

    def lasting(blocks: list[str]) -> str:
        return re.sub(r"in [\d.,]+ s, [\d,]+ users per second", "in some seconds", "\n".join(blocks))

    assert lasting(shown) == lasting(printed), "\n".join(printed)


def test_the_page_of_exports_shows_what_is_printed(monkeypatch, capsys, tmp_path):
    """When models changed, this prints the blocks to put in; differences and recall are not compared."""
    if not (CHECKOUT / "data" / "models" / "demo").is_dir():
        pytest.skip("needs the trained models of demo: make repro")
    monkeypatch.chdir(CHECKOUT)
    blocks = re.findall(r"```console\n(.*?)```", text("docs/export.md"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        command = shlex.split(block.partition("\n")[0].removeprefix("$ foldin "))
        if "--index" in command:
            pytest.importorskip("faiss")
        folder = tmp_path / f"{len(command)}" / "exports" / "als"
        assert cli.main([str(folder) if word == "exports/als" else word for word in command]) == 0
        output = capsys.readouterr().out.replace(f"{folder.parents[1]}/", "")
        printed = block.partition("\n")[0] + "\n" + output
        changing = r"do not differ|differ by at most [\d.e-]+\d|recall@10 [\d.]+"
        assert re.sub(changing, "…", block) == re.sub(changing, "…", printed), printed


def test_the_page_of_exports_names_every_model_once():
    rows = [cells for cells in tables("docs/export.md") if cells[0].startswith(("`", "family"))]
    said = [
        name
        for cells in rows
        for family, model in re.findall(r"family `([a-z_]+)`|`([a-z0-9-]+)`", cells[0])
        for name in ([model] if model else family_models(family))
    ]
    assert sorted(said) == sorted(name for family in params.known_families() for name in family_models(family))


def test_the_page_of_the_app_shows_what_is_printed():
    ((port, token),) = re.findall(r"127\.0\.0\.1:(\d+)/\?token=(\S+)", text("docs/app.md"))
    assert f"$ foldin demo-app\n{serve.opening('demo', int(port), token)}\n```" in text("docs/app.md")
    module = (CHECKOUT / "src" / "foldin" / "recommend" / "app" / "page.py").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^SELECTABLE = (\S+)$", module, re.MULTILINE)
    assert f"more than {int(listed):,} users or items" in text("docs/app.md")


def test_the_page_for_teams_shows_what_is_printed():
    page = text("docs/teams.md")
    (shown,) = re.findall(r"\$ foldin compare main --markdown\n(.*?)```", page, re.DOTALL)
    before, after = re.findall(r"### Metrics: (.*) → (.*)", shown)[0]
    sentences = re.findall(r"^- (.*)$", shown, re.MULTILINE)
    rows = [cells for cells in tables("docs/teams.md") if cells[0] == "als-explicit"]
    table = pd.DataFrame(rows, columns=["model", "metric", "before", "after", "both", "verdict"])
    table[["change", "interval"]] = table["both"].str.extract(r"(\S+) \((.*)\)")
    table = table.assign(**{"data set": "demo"}, verdict=table["verdict"].str.strip("*"))
    printed = compare_markdown.text(table, before, after, sentences, [])
    assert shown == printed.partition("\n<details>")[0], printed
    assert f"At most {compare_markdown.ROWS} rows" in page
    n, commit = re.findall(r"^demo: (\d+) models of commit (\S+) ", page, re.MULTILINE)[0]
    with (CHECKOUT / "reports" / "demo" / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        assert int(n) == sum(row["kind"] != "oracle" for row in csv.DictReader(file))
    printed = mlflow_runs.WRITTEN.format(dataset="demo", n=n, commit=commit, to="mlruns")
    assert f"$ foldin mlflow\n{printed}\n```" in page


def test_the_extras_are_those_that_can_be_installed():
    extras = {*tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]} - {"dev"}
    (said,) = re.findall(r"there are: ([\w, ]+)\)", text("Makefile"))
    (locked,) = re.findall(r"for extra in dev ([\w ]+); do", text("requirements/lock.sh"))
    assert {*said.split(", ")} == {*locked.split()} == extras


def test_the_declaration_on_the_front_page_is_right(workspace):
    (declared,) = re.findall(r"```yaml\n(sources:.*?)```", text("README.md"), re.DOTALL)
    ((name, values),) = YAML(typ="safe").load(declared)["sources"].items()
    params.parse(schema.OwnData, values, f"sources.{name}")


def test_a_run_leaves_data_ignored_but_for_its_page(tmp_path):
    sh("git", "init", "--quiet", cwd=tmp_path)
    for name in (".gitignore", "data/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    for folder in outs("data"):
        written = tmp_path / folder.replace("<data set>", "demo").replace("<family>", "als")
        written.mkdir(parents=True)
        (written / "file").touch()
    seen = sh("git", "ls-files", "--others", "--exclude-standard", cwd=tmp_path).stdout.split()
    assert seen == [".gitignore", "data/README.md"]
