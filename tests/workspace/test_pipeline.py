"""The whole way on a small demo, by `dvc repro` in a real repository: every stage, every notebook, every diff."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from conftest import CHECKOUT, FAMILIES, commit, edit_params, reruns, sh
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from ruamel.yaml import YAML

# The fixtures run the whole pipeline, twice, on machines of any speed.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def changed(repository):
    """Return the same repository after one number of one family was changed, rerun and committed."""
    edit_params(repository, lambda values: values["als"]["als-explicit"].update(factors=3))
    done = sh("dvc", "repro", cwd=repository)
    commit(repository, "fewer factors")
    return repository, done


def pipeline_of(repository: Path, key: str, dataset: str, family: str) -> list[str]:
    """Return the parameters that dvc.yaml declares of a stage."""
    declared = YAML(typ="safe").load(repository / "dvc.yaml")["stages"][key].get("params", [])
    return [text.replace("${item.family}", family) for text in declared]


def test_every_notebook_ran_for_real_and_shows_results(repository):
    for name in (*FAMILIES, "traps", "report"):
        executed = nbformat.read(repository / "reports" / "demo" / "notebooks" / f"{name}.ipynb", as_version=4)
        kinds = [output.output_type for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
        assert kinds, name
        assert "error" not in kinds, name
        assert any(
            "image/png" in output.get("data", {}) for cell in executed.cells for output in cell.get("outputs", [])
        )


def test_the_report_names_every_model_and_shows_its_metrics(repository):
    page = (repository / "reports" / "demo" / "README.md").read_text()
    for family in FAMILIES:
        files = list((repository / "reports" / "demo" / "metrics" / family).iterdir())
        assert files
        for file in files:
            assert file.name.split(".")[0] in page
    assert "(oracle)" in page
    assert "beats the oracle beyond sampling error" in page
    for link in re.findall(r"\]\((metrics/[^)]+)\)", page):
        assert (repository / "reports" / "demo" / link).stat().st_size > 5000


def test_the_run_leaves_nothing_that_git_does_not_know(repository):
    assert sh("git", "status", "--porcelain", cwd=repository).stdout == ""


def test_every_parameter_a_stage_declares_is_read_by_it(repository):
    """The other way round, that what is read is declared, is held while a stage runs: see test_steady."""
    log = (repository.parent / "parameters-read").read_text().splitlines()
    read = {tuple(line.split()) for line in log}
    for stage in YAML(typ="safe").load(repository / "dvc.lock")["stages"]:
        key, _, items = stage.partition("@")
        dataset, _, family = items.partition("-")
        if not dataset:
            continue
        for parameter in pipeline_of(repository, key, dataset, family):
            # The first two are fixed before any stage's own code; the declarations of one's own data are read with the
            # registry of data sets.
            if parameter not in ("threads", "device", "engine", "sources"):
                assert any(name == stage and f"{asked}.".startswith(f"{parameter}.") for name, asked in read), (
                    f"{stage} declares {parameter} and never reads it"
                )


def test_nothing_reruns_when_nothing_changed(changed):
    repository, _ = changed
    done = sh("dvc", "repro", cwd=repository)
    assert "up to date" in done.stdout
    assert reruns(done.stdout) == set()


def test_a_change_in_one_family_reruns_that_family_and_the_report(changed):
    _, done = changed
    assert reruns(done.stdout) == {"train@demo-als", "evaluate@demo-als", "report@demo"}


def test_one_target_reruns_alone(changed):
    repository, _ = changed
    assert reruns(sh("dvc", "repro", "--force", "--single-item", "train@demo-als", cwd=repository).stdout) == {
        "train@demo-als"
    }
    assert sh("git", "status", "--porcelain", cwd=repository).stdout == ""


def test_saving_a_notebook_with_outputs_retrains_nothing(changed):
    repository, _ = changed
    source = repository / "notebooks" / "als.ipynb"
    before = source.read_bytes()
    notebook = nbformat.read(source, as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="seen")]
    code.execution_count = 1
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99"}
    nbformat.write(notebook, source)
    try:
        assert reruns(sh("dvc", "repro", cwd=repository).stdout) == {"strip"}
    finally:
        source.write_bytes(before)
        sh("dvc", "repro", cwd=repository)


def test_only_evaluation_depends_on_the_test_part(changed):
    repository, _ = changed
    lock = YAML(typ="safe").load(repository / "dvc.lock")
    readers = {
        stage
        for stage, entry in lock["stages"].items()
        for dep in entry.get("deps", [])
        if dep["path"].startswith("data/test")
    }
    assert readers == {f"evaluate@demo-{family}" for family in FAMILIES}


def test_diffs_work_in_a_clone_without_cache_or_remote(changed, tmp_path):
    repository, _ = changed
    clone = tmp_path / "clone"
    sh("git", "clone", "--quiet", str(repository), str(clone), cwd=tmp_path)
    metrics = sh("dvc", "metrics", "diff", "HEAD~1", cwd=clone).stdout
    assert "reports/demo/metrics/als/als-explicit.json" in metrics
    assert "metrics/svd" not in metrics
    assert "als.als-explicit.factors" in sh("dvc", "params", "diff", "HEAD~1", cwd=clone).stdout
    shown = json.loads(sh("dvc", "metrics", "show", "--json", cwd=clone).stdout)
    assert "reports/demo/metrics/als/als-implicit.json" in json.dumps(shown)
    sh("dvc", "plots", "diff", "HEAD~1", "--out", str(tmp_path / "plots"), cwd=clone)
    html = (tmp_path / "plots" / "index.html").read_text()
    assert "als-explicit" in html


def test_the_dvc_commands_of_the_documentation_run(changed):
    repository, _ = changed
    pages = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
    shown = "\n".join(page.read_text() for page in pages)
    commands = re.findall(r"^\$ (dvc (?:dag|stage|metrics|params|plots|status)\b.*)$", shown, flags=re.MULTILINE)
    assert len(set(commands)) >= 5
    for command in dict.fromkeys(commands):
        sh("sh", "-c", command.split("#")[0], cwd=repository)


def test_an_unknown_data_set_stops_the_pipeline_with_one_line(repository, tmp_path):
    clone = tmp_path / "clone"
    sh("git", "clone", "--quiet", str(repository), str(clone), cwd=tmp_path)
    edit_params(clone, lambda values: values.update(datasets=["ml-100"]))
    done = sh("dvc", "repro", cwd=clone, ok=False)
    assert done.returncode != 0
    assert "ml-100k" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone / "data" / "raw" / "ml-100").exists()


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of a library that DVC uses
def test_no_stage_that_nothing_reads_comes_before_a_report(workspace):
    """DVC stops at the first stage that fails, so a guest must find all reports written."""
    edit_params(workspace, lambda values: values.update(datasets=["demo", "ml-100k"]))
    sh("git", "init", "--quiet", cwd=workspace)
    sh("dvc", "init", "--quiet", cwd=workspace)
    with Repo(workspace) as repo:
        order = [stage.addressing for stage in plan_repro(repo.index.graph, list(repo.index.stages))]
    reports = [order.index(f"report@{name}") for name in ("demo", "ml-100k")]
    guests = [order.index(f"{stage}@{name}") for stage in ("explore", "traps") for name in ("demo", "ml-100k")]
    assert max(reports) < min(guests)
