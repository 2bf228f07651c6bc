"""The pipeline run with several families at a time, by a DVC that only writes down how it was called."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import zc.lockfile
from conftest import CHECKOUT, edit_params

from foldin.core.errors import FoldinError
from foldin.workspace import pipeline, repro, workers

# Its status is what changed.json lists, less what ran through; a stage fails where failing.json names it.
DVC = """
import json, os, pathlib, sys, time
here, arguments = pathlib.Path(os.environ["FAKE"]), sys.argv[1:]
read = lambda name: json.loads((here / name).read_text())
ran = {name for file in here.glob("call-*") for name in json.loads(file.read_text())["ran"]}
if "status" in arguments:
    print(json.dumps({name: [] for name in read("changed.json") if name not in ran}))
    sys.exit()
targets = [name for name in arguments if not name.startswith("-") and name != "repro"]
print("Stage 'strip' didn't change, skipping")
print(f"Running {targets}", flush=True)
for name in targets:
    print(f"Running stage '{name}':\\n> python src/foldin", flush=True)
    with open(os.environ["FOLDIN_PROGRESS"], "a") as progress:
        progress.write(f"tick {name} learns\\n")
call = here / f"call-{time.monotonic_ns()}-{os.getpid()}"
note = {"targets": targets, "arguments": arguments, "start": time.monotonic(), "alone": "FOLDIN_ALONE" in os.environ}
note["ran"] = [name for name in targets if name not in read("failing.json")]
(here / "started").write_text("")
time.sleep(read("seconds.json"))
call.write_text(json.dumps({**note, "end": time.monotonic()}))
sys.exit(len(note["ran"]) < len(targets))
"""


class Fake:
    """A DVC that runs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "dvc.py").write_text(DVC)
        self.say(changed=[], failing=[], seconds=0)

    def say(self, **what: object) -> None:
        """Set what is changed, what fails, and how long each run takes."""
        for name, value in what.items():
            (self.folder / f"{name}.json").write_text(json.dumps(value))

    def calls(self) -> list[dict]:
        """Return how it was called, in the order of ending."""
        return sorted(
            (json.loads(file.read_text()) for file in self.folder.glob("call-*")), key=lambda call: call["end"]
        )


DATASETS = ["demo", "ml-100k"]
FAMILIES = ["baselines", "svd", "deep"]


@pytest.fixture
def dvc(workspace, monkeypatch):
    edit_params(workspace, lambda values: values.update(families=FAMILIES, datasets=DATASETS))
    fake = Fake(workspace / "fake")
    monkeypatch.setattr(repro, "DVC", (sys.executable, str(fake.folder / "dvc.py")))
    monkeypatch.setenv("FAKE", str(fake.folder))
    monkeypatch.setattr(workers, "beside", lambda: 1)
    return fake


def every() -> list[str]:
    return list(pipeline.every(DATASETS, FAMILIES))


def targets(calls: list[dict]) -> set[tuple[str, ...]]:
    return {tuple(call["targets"]) for call in calls}


def test_where_nothing_changed_dvc_looks_once_at_the_whole_pipeline(dvc):
    repro.run()
    (call,) = dvc.calls()
    assert call["targets"] == []
    assert "--keep-going" in call["arguments"]


def test_what_families_read_comes_first_then_each_family_by_itself_and_the_rest_last(dvc):
    dvc.say(changed=every())
    repro.run()
    first, *jobs, last = dvc.calls()
    assert "user_item@demo" in first["targets"]
    assert not any("train" in name for name in first["targets"])
    families = {(f"train@{d}-{f}", f"evaluate@{d}-{f}") for d in DATASETS for f in FAMILIES}
    guests = {(f"{name}@{dataset}",) for name in ("explore", "traps") for dataset in DATASETS}
    reports = {(f"report@{dataset}",) for dataset in DATASETS}
    assert targets(jobs) == families | guests | reports
    assert last["targets"] == []


def test_a_report_comes_after_all_families_of_its_data_set(dvc):
    dvc.say(changed=every(), seconds=0.1)
    repro.run()
    for dataset in DATASETS:
        ends = {tuple(call["targets"]): (call["start"], call["end"]) for call in dvc.calls()}
        report = ends.pop((f"report@{dataset}",))
        assert all(end <= report[0] for names, (_, end) in ends.items() if names and f"@{dataset}-" in names[0])


def test_a_report_does_not_wait_for_families_of_other_data_sets(dvc):
    dvc.say(changed=every(), seconds=0.2)
    repro.run()
    calls = {tuple(call["targets"]): call for call in dvc.calls()}
    last_family = max(calls[f"train@ml-100k-{f}", f"evaluate@ml-100k-{f}"]["start"] for f in FAMILIES)
    assert calls[("report@demo",)]["start"] < last_family


def test_a_report_that_alone_changed_is_written(dvc):
    dvc.say(changed=["report@demo"])
    repro.run()
    assert ("report@demo",) in targets(dvc.calls())


def test_two_families_run_at_a_time_and_start_no_processes_of_their_own(dvc):
    dvc.say(changed=every(), seconds=0.3)
    repro.run()
    jobs = dvc.calls()[1:-1]
    at_once = [sum(other["start"] <= call["start"] < other["end"] for other in jobs) for call in jobs]
    assert max(at_once) == 2
    assert all(call["alone"] for call in jobs)


def test_only_changed_families_run_and_a_single_one_may_use_all_processes(dvc):
    dvc.say(changed=["evaluate@demo-svd"])
    repro.run()
    job, report, _ = dvc.calls()
    assert report["targets"] == ["report@demo"]
    assert job["targets"] == ["train@demo-svd", "evaluate@demo-svd"]
    assert not job["alone"]


def test_a_family_that_fails_stops_the_report_of_its_data_set_only(dvc):
    dvc.say(changed=every(), failing=["train@demo-svd"])
    with pytest.raises(FoldinError, match="not every stage"):
        repro.run()
    calls = dvc.calls()
    assert ("train@demo-deep", "evaluate@demo-deep") in targets(calls)
    assert ("report@ml-100k",) in targets(calls)
    assert ("report@demo",) not in targets(calls)
    assert () not in targets(calls)


def test_a_guest_that_fails_stops_no_report(dvc):
    dvc.say(changed=every(), failing=["traps@demo"])
    with pytest.raises(FoldinError, match="not every stage"):
        repro.run()
    assert {("report@demo",), ("report@ml-100k",)} <= targets(dvc.calls())


def test_a_data_set_that_cannot_be_read_stops_no_other(dvc):
    dvc.say(changed=every(), failing=["clean@demo", "user_item@demo"])
    with pytest.raises(FoldinError, match="not every stage"):
        repro.run()
    names = [name for call in dvc.calls()[1:] for name in call["targets"]]
    assert names
    assert not any("@demo" in name for name in names)


def test_a_stage_of_your_own_comes_last_and_one_that_always_runs_stops_nothing(dvc, workspace):
    with (workspace / "dvc.yaml").open("a") as file:
        file.write("  mine:\n    cmd: true\n")
    dvc.say(changed=[*every(), "mine"])
    repro.run()
    first, *jobs, last = dvc.calls()
    assert "mine" not in first["targets"]
    assert ("train@demo-svd", "evaluate@demo-svd") in targets(jobs)
    assert last["targets"] == []


def test_a_notebook_saved_while_the_inputs_run_is_no_failure(dvc, monkeypatch):
    changed = iter([{"strip", "train@demo-svd"}, {"strip", "train@demo-svd"}])
    monkeypatch.setattr(repro, "_changed", lambda: next(changed))
    repro.run()
    assert ("train@demo-svd", "evaluate@demo-svd") in targets(dvc.calls())


def test_without_processes_beside_dvc_runs_the_pipeline_by_itself(dvc, monkeypatch):
    monkeypatch.setattr(workers, "beside", lambda: 0)
    dvc.say(changed=every())
    repro.run()
    (call,) = dvc.calls()
    assert call["targets"] == []


def test_lines_about_a_single_run_of_dvc_are_left_out(dvc, capfd):
    dvc.say(changed=["evaluate@demo-svd"])
    repro.run()
    said = capfd.readouterr().err
    assert "Running ['train@demo-svd', 'evaluate@demo-svd']" in said
    assert "skipping" not in said


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_cache_that_cannot_be_written_ends_every_dvc_at_once(dvc, monkeypatch, at_once):
    monkeypatch.setattr(workers, "beside", lambda: at_once - 1)
    said = "ERROR: failed to transfer 'ac94' - [Errno 28] No space left on device: 'data/clean' -> '/disk/cache/ac'"
    program = (dvc.folder / "dvc.py").read_text()
    (dvc.folder / "dvc.py").write_text(program.replace('print("Stage', f'print({said!r})\nprint("Stage'))
    dvc.say(changed=["train@demo-svd", "train@demo-deep"], seconds=60)
    start = time.monotonic()
    with pytest.raises(FoldinError, match=r"cache cannot be written: .*No space left.*'/disk/cache/ac'; free space"):
        repro.run()
    assert time.monotonic() - start < 50
    assert dvc.calls() == []


def test_a_stage_reads_dvc_lock_when_no_other_dvc_is_writing_it(workspace):
    lock = workspace / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True)
    (workspace / "dvc.lock").write_text("schema: '2.0'\nstages:\n  train@demo-svd:\n    cmd: one\n    outs:\n    - pa")
    held = zc.lockfile.LockFile(str(lock))

    def write_and_release() -> None:
        time.sleep(0.3)
        (workspace / "dvc.lock").write_text("schema: '2.0'\nstages:\n  train@demo-svd:\n    cmd: one\n    outs: []\n")
        held.close()

    other = threading.Thread(target=write_and_release)
    other.start()
    found = pipeline.entries(["train@demo-svd"])
    other.join()
    assert found == {"train@demo-svd": {"cmd": "one", "outs": []}}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ending_it_ends_every_dvc_at_once(dvc, workspace, how):
    dvc.say(changed=every(), seconds=0)
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from foldin.workspace import repro, workers\n"
        f"repro.DVC = {repro.DVC!r}\n"
        "workers.beside = lambda: 1\n"
        "repro.run()\n"
    )
    dvc.say(seconds=60)
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (dvc.folder / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    children = psutil.Process(running.pid).children(recursive=True)
    assert children
    running.send_signal(how)
    assert running.wait(30) != 0
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert dvc.calls() == []


def test_elsewhere_lines_are_whole_and_each_names_its_stage(dvc, capfd):
    dvc.say(changed=every())
    repro.run()
    lines = capfd.readouterr().err.splitlines()
    names = [name for name in every() if f"Running stage '{name}':" in lines]
    assert {"train@demo-svd", "evaluate@ml-100k-deep", "report@demo"} <= set(names)
    expected = re.compile(
        r"Running (\[.*\]|stage '\S+':)|> python src/foldin|\S+ learns|\S+ is done: \d+ of \d+; about .* left"
    )
    assert [line for line in lines if not expected.fullmatch(line)] == []
    # Six families, four guests and two reports.
    assert sum(" is done: " in line for line in lines) == 12
    assert any(" is done: 12 of 12; about 0 s left" in line for line in lines)


def test_in_a_terminal_each_family_has_a_line_that_counts_stages(dvc, monkeypatch):
    shown, ended = [], []
    monkeypatch.setattr(repro.progress, "in_terminal", lambda: True)
    monkeypatch.setattr(repro.progress.terminal, "show", lambda kind, text, place: shown.append((kind, text, place)))
    monkeypatch.setattr(repro.progress.terminal, "end", ended.append)
    dvc.say(changed=every())
    repro.run()
    of_one = [(kind, text) for kind, text, place in shown if place == "evaluate@demo-svd" and kind != "say"]
    counted = [re.fullmatch(r"stage (\d+) of (\d+): (.*)", text) for _, text in of_one]
    assert all(counted), of_one
    assert {found[2] for found in counted} == {"18"}, "two of each family, four guests, two reports"
    begun = [found for found in counted if found[3].startswith("Running stage")]
    assert [found[3] for found in begun] == ["Running stage 'train@demo-svd':", "Running stage 'evaluate@demo-svd':"]
    numbers = [
        int(re.match(r"stage (\d+) of 18: Running", text)[1]) for _, text, _ in shown if " of 18: Running" in text
    ]
    assert numbers == list(range(1, 19))
    assert any(text.endswith("train@demo-svd learns") for _, text in of_one)
    assert any(place == "all" and "12 of 12" in text for _, text, place in shown)
    assert "evaluate@demo-svd" in ended
