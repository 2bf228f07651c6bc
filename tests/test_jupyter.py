"""Every notebook, run by hand in JupyterLab: the pipeline's results, and nothing to retrain or to commit."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import sh

# A browser of Debian's; Selenium would else look for one to download.
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    # Where CI says that there must be one, its absence is a failure.
    pytest.mark.skipif(
        not ((CHROMIUM and DRIVER) or os.environ.get("FOLDIN_NEEDS_BROWSER")),
        reason="needs chromium and chromedriver (Debian: chromium-driver)",
    ),
]
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000",
)  # fmt: skip
RUN_AND_SAVE = """
const [name] = arguments, app = window.jupyterapp, finish = message => { window.finished = message; };
window.finished = null;
(async () => {
  await app.restored;
  const panel = await app.commands.execute('docmanager:open', {path: name});
  await panel.context.ready; await panel.revealed; await panel.sessionContext.ready;
  await app.commands.execute('notebook:run-all-cells');
  await app.commands.execute('docmanager:save');
  return panel.context.path;
})().then(finish, error => finish('failed: ' + error));
"""


PYTHON = shlex.quote(sys.executable)
"""As a shell takes it: its path may have blanks."""
FILTERS = {"notebook": "--filter", "dvc-lock": "--lock-filter"}


@pytest.fixture(scope="module")
def checkout(repository, tmp_path_factory):
    """Return a clone of its own with all that the pipeline made, where git sees notebooks as `make install` sets it."""
    clone = tmp_path_factory.mktemp("jupyter") / "foldin"
    sh("git", "clone", "--quiet", str(repository), str(clone), cwd=repository)
    for name, option in FILTERS.items():
        sh(
            "git",
            "config",
            f"filter.{name}.clean",
            f"{PYTHON} src/foldin strip {option}",
            cwd=clone,
        )
    sh("dvc", "cache", "dir", "--local", str(repository / ".dvc" / "cache"), cwd=clone)
    sh("dvc", "checkout", cwd=clone)
    return clone


@pytest.fixture(scope="module")
def lab(checkout):
    """Return the address of a JupyterLab on the checkout's notebooks, started as `make lab` does."""
    options = ["--no-browser", "--port=0", "--LabApp.expose_app_in_browser=True", "--allow-root"]
    command = [sys.executable, "src/foldin", "lab", "--", *options]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    log = checkout.parent / "lab.log"
    environment = os.environ | {"PATH": path, "HOME": str(checkout.parent)}
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=checkout, stdout=file, stderr=subprocess.STDOUT, env=environment)
    try:
        for _ in range(600):
            found = re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text())
            if found:
                break
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        assert found, log.read_text()
        yield found[0]
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    # JupyterLab's commands are about the widget in focus; a window that nobody sees may have no focus.
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield driver
    driver.quit()


def wait_for(browser, script, seconds=900):
    """Return what a script gives once it gives something."""
    for _ in range(seconds * 5):
        if given := browser.execute_script(script):
            return given
        time.sleep(0.2)
    raise AssertionError(f"nothing after {seconds} s: {script}")


def is_progress(output):
    """Return whether an output is what is left of progress, which is shown in place: an empty line."""
    return {kind: "".join(text) for kind, text in output.get("data", {}).items()} == {"text/plain": ""}


def results(path):
    """Return what the code cells of a notebook show, apart from progress: cell id → outputs."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = {}
    for cell in cells:
        if cell["cell_type"] == "code" and "injected-parameters" not in cell["metadata"].get("tags", []):
            outputs = [output for output in cell["outputs"] if not is_progress(output)]
            assert not any(output.get("name") == "stderr" for output in outputs), cell["id"]
            shown[cell["id"]] = [
                {"".join(output["text"]): "stdout"}
                if "text" in output
                else {k: "".join(v) for k, v in output["data"].items()}
                for output in outputs
            ]
    return shown


def test_jupyterlab_asks_nothing_when_it_opens(lab, browser):
    browser.get(f"{lab}&reset")
    wait_for(browser, "return Boolean(window.jupyterapp)")
    # The question for news comes some time after, and goes again by itself.
    for _ in range(100):
        assert browser.execute_script("return document.querySelectorAll('.Toastify__toast').length") == 0
        time.sleep(0.1)


def test_every_notebook_runs_in_jupyterlab_and_changes_nothing(checkout, lab, browser):
    names = sorted(path.stem for path in (checkout / "notebooks").glob("*.ipynb"))
    assert "als" in names
    for name in names:
        browser.get(f"{lab}&reset")
        wait_for(browser, "return Boolean(window.jupyterapp)")
        browser.execute_script(RUN_AND_SAVE, f"{name}.ipynb")
        assert wait_for(browser, "return window.finished") == f"{name}.ipynb"
        by_hand = results(checkout / "notebooks" / f"{name}.ipynb")
        assert any(by_hand.values()), f"{name} was saved without outputs"
        if name == "try_it":  # no stage, so the pipeline never runs it
            assert len(by_hand["list"]) == len(by_hand["your-turn"]) == 1
            continue
        assert by_hand == results(checkout / "reports" / "demo" / "notebooks" / f"{name}.ipynb"), name
    assert sh("git", "diff", "--", "notebooks", cwd=checkout).stdout == ""
    again = sh("dvc", "repro", cwd=checkout).stdout
    assert set(re.findall(r"Running stage '([^']+)'", again)) <= {"strip", "source"}, again
    assert sh("dvc", "repro", cwd=checkout).stdout.endswith("Data and pipelines are up to date.\n")
    # git takes a file of another size for changed until it is asked to add it; there is nothing to add.
    assert sh("git", "diff", cwd=checkout).stdout == ""
    sh("git", "add", "--update", cwd=checkout)
    assert sh("git", "status", "--porcelain", cwd=checkout).stdout == ""


def test_without_the_filter_git_would_show_the_outputs(checkout, lab, browser):
    sh("git", "config", "--unset", "filter.notebook.clean", cwd=checkout)
    try:
        (checkout / "notebooks" / "als.ipynb").touch()
        assert '"outputs": [' in sh("git", "diff", "--", "notebooks/als.ipynb", cwd=checkout).stdout
    finally:
        sh(
            "git",
            "config",
            "filter.notebook.clean",
            f"{PYTHON} src/foldin strip --filter",
            cwd=checkout,
        )


def test_without_its_filter_git_would_show_the_hash_of_notebooks_with_outputs(checkout, lab, browser):
    sh("git", "config", "--unset", "filter.dvc-lock.clean", cwd=checkout)
    try:
        (checkout / "dvc.lock").touch()
        assert "-    - path: notebooks" not in (shown := sh("git", "diff", "--", "dvc.lock", cwd=checkout).stdout)
        assert re.search(r"^-      md5: ", shown, re.MULTILINE)
    finally:
        sh(
            "git",
            "config",
            "filter.dvc-lock.clean",
            f"{PYTHON} src/foldin strip --lock-filter",
            cwd=checkout,
        )
