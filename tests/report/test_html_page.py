"""report.html as a file: stable, small, self-contained, and safe whatever names hold."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import report_world
from conftest import CHECKOUT

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.report import contents, results, verdict
from foldin.report.html import page
from foldin.workspace import pipeline, source_lists, strip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    report_world.make(folder)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def findings(world):
    return contents.open_report("demo")


def held(text):
    """Return the data that a page holds."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_another_process_writes_the_same_bytes(findings, world):
    page.write(findings)
    file = paths.reports("demo") / "report.html"
    first = file.read_bytes()
    file.unlink()
    program = "from foldin.report import contents; from foldin.report.html import page; "
    program += "page.write(contents.open_report('demo'))"
    variables = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(CHECKOUT / "src")}
    subprocess.run([sys.executable, "-c", program], cwd=world, env=variables, check=True)
    assert file.read_bytes() == first
    assert len(first) < page.LARGEST


def test_a_page_that_is_too_large_is_refused_and_not_written(findings, monkeypatch):
    monkeypatch.setattr(page, "LARGEST", 1000)
    (paths.reports("demo") / "report.html").unlink(missing_ok=True)
    with pytest.raises(FoldinError, match=r"report.html of 'demo' has [\d,]+ bytes, more than 1,000"):
        page.write(findings)
    assert not (paths.reports("demo") / "report.html").exists()


def test_it_loads_nothing(findings):
    text = page.page(findings)
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert not re.search(r"@import|url\(", text)
    assert text.count("<script") == 2
    assert "{{" not in text.partition('id="data"')[0]


def test_its_answer_is_the_verdict_of_the_markdown_page(findings):
    answer = page.page(findings).partition('<ul class="answer">')[2].partition("</ul>")[0]
    plain = re.sub(r"<[^>]+>", "", answer)
    for sentences in verdict.bullets(findings).values():
        for sentence in sentences:
            assert sentence.replace("**", "") in plain
    assert "<strong>no model beats the bias baseline</strong>, which predicts ratings best" in answer


def test_names_can_neither_end_the_script_nor_become_markup(findings, monkeypatch):
    bad = "</script><script>alert(1)</script><!--"
    board = findings.board.replace({"model": {"als-implicit": bad}})
    text = page.embedded({"models": list(board["model"]), "title": "a\u2028b & {{style}}"})
    assert not set("<>&\u2028") & set(text)
    assert bad in json.loads(text)["models"]
    assert json.loads(text)["title"] == "a\u2028b & {{style}}"
    monkeypatch.setattr(results, "left_out", lambda dataset: {bad: "too large"})
    shown = page.page(findings)
    assert bad not in shown
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in shown
    assert held(shown)["dataset"] == "demo"


def test_what_fills_a_place_is_not_filled_again():
    assert page.fill("{{a}} {{b}}", {"a": "{{b}}", "b": "\\1"}) == "{{b}} \\1"
    with pytest.raises(KeyError):
        page.fill("{{c}}", {})


def test_an_edit_of_style_or_script_reruns_the_report_and_nothing_else(workspace, monkeypatch):
    (workspace / "notebooks").symlink_to(CHECKOUT / "notebooks")
    strip.strip_all()
    shutil.copytree(source_lists.SOURCE, workspace / "src", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_lists, "SOURCE", workspace / "src")
    folder = workspace / "src" / "foldin" / "report" / "html"

    def lists():
        source_lists.run()
        return {path.stem: path.read_text().splitlines() for path in (workspace / "data" / "source").iterdir()}

    before = lists()
    names = ("page.html", "page.css", *page.SCRIPTS)
    for name in names:
        (folder / name).write_text((folder / name).read_text() + "\n")
    (folder / ".page.css.swp").write_text("an editor's")
    after = lists()
    assert {stage for stage in before if before[stage] != after[stage]} == {"report"}
    edited = {line.split("  ")[1] for line in set(after["report"]) - set(before["report"])}
    assert edited == {f"src/foldin/report/html/{name}" for name in names}


def test_all_scripts_of_the_folder_are_in_the_page_and_it_is_an_output():
    assert {path.name for path in page.FOLDER.glob("*.js")} == set(page.SCRIPTS)
    assert all(len(path.read_text().splitlines()) <= 300 for path in page.FOLDER.iterdir() if path.is_file())


def test_the_stage_report_writes_it(workspace):
    assert "reports/demo/report.html" in pipeline.declared("report", "demo").outputs
