"""What a user sees of progress: lines in place in a terminal and in Jupyter, whole lines elsewhere."""

import os
import pty
import re
import subprocess
import sys
import termios
import threading

import nbclient
import pytest
from conftest import CHECKOUT
from nbformat.v4 import new_code_cell, new_notebook

from foldin.core import loops, progress
from foldin.core.progress import SAY, STEP, TICK


@pytest.fixture
def sent(monkeypatch):
    found = []
    monkeypatch.setattr(progress, "show", lambda kind, text: found.append((kind, text)))
    monkeypatch.setattr(progress, "_last_tick", 0.0)
    return found


@pytest.fixture
def clock(monkeypatch):
    """Return the time, which stands still."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_loop_says_how_far_it_is_what_was_measured_and_the_time_left(sent, clock):
    loop = loops.Loop("mf-l2: epoch", 150, at_most=True)
    history = []
    for epoch, seconds in ((1, 60), (2, 2), (3, 2), (4, 0)):
        loop.begin(epoch, history, "validation_rmse")
        clock[0] += seconds
        history.append({"epoch": epoch, "validation_rmse": 0.9 - epoch / 100})
    assert [text for _, text in sent] == [
        "mf-l2: epoch 1 of at most 150",
        "mf-l2: epoch 2 of at most 150, validation RMSE 0.8900",
        # Two seconds each, without the first, which was slow: 148 epochs left, then 147.
        "mf-l2: epoch 3 of at most 150, validation RMSE 0.8800, at most 4 min 56 s left",
        "mf-l2: epoch 4 of at most 150, validation RMSE 0.8700, at most 4 min 54 s left",
    ]


def test_blocks_say_how_far_they_are_and_the_time_left_by_their_share_of_the_work(sent, clock):
    rows = loops.Blocks("als: ranking for user", 1000)
    for first, seconds in ((0, 30), (100, 2), (300, 2), (700, 1)):
        rows.begin(first)
        clock[0] += seconds
    shares = loops.Blocks("item-knn: neighbours of item", 4)
    for first, share, seconds in ((0, 0.0, 2), (1, 0.5, 3), (3, 0.8, 0)):
        shares.begin(first, share)
        clock[0] += seconds
    assert [text for _, text in sent] == [
        "als: ranking for user 1 of 1,000",
        "als: ranking for user 101 of 1,000",
        # 200 users took 2 s; the first 100, which also loaded and compiled, are not counted.
        "als: ranking for user 301 of 1,000, 7 s left",
        "als: ranking for user 701 of 1,000, 2 s left",
        "item-knn: neighbours of item 1 of 4",
        "item-knn: neighbours of item 2 of 4",
        "item-knn: neighbours of item 4 of 4, 2 s left",
    ]


def test_what_is_not_measured_is_not_shown(sent, clock):
    loops.Loop("sweep", 3).begin(1, [{"epoch": 1}], "validation_rmse")
    assert sent == [(TICK, "sweep 1 of 3")]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3790, "1 h 3 min")]
)
def test_a_duration_is_written_as_people_say_it(seconds, text):
    assert loops.duration(seconds) == text


def test_ticks_come_seldom_and_lines_within_a_place_name_it(sent, clock):
    with progress.within("demo, model 1 of 2"):
        progress.step("ease: learning")
        for _ in range(5):
            clock[0] += progress.OFTEN * 0.6
            progress.tick("ease: inverting")
    progress.say("done")
    of = "demo, model 1 of 2: "
    assert sent == [(STEP, f"{of}ease: learning"), *[(TICK, f"{of}ease: inverting")] * 3, (SAY, "done")]


def test_where_there_is_no_terminal_steps_are_lines_and_ticks_are_few(clock, capsys):
    show = progress.Lines()
    show(STEP, "begins")
    for _ in range(10):
        clock[0] += 1
        show(TICK, f"{clock[0]:.0f}")
    show(SAY, "ends")
    assert capsys.readouterr().err.splitlines() == ["begins", "1005", "1010", "ends"]


def test_a_follower_shows_whole_lines_of_several_writers(monkeypatch):
    found = []
    with progress.following(lambda kind, text: found.append((kind, text))) as file:
        monkeypatch.setenv(progress.VARIABLE, str(file))
        writers = [threading.Thread(target=progress.step, args=(f"{n} " * 50,)) for n in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        with file.open("a") as half:
            half.write("say half")
    assert sorted(found) == [(STEP, f"{n} " * 50) for n in range(8)]


PLACES = """
import sys, time
from foldin.core import loops, progress
progress.step("first step")
progress.step("second")
progress.say("a result that stays")
progress.terminal.show("tick", "another place, " + "wide " * 60, "b")
progress.tick("third", every=0)
progress.end()
print("the end", file=sys.stderr)
"""


def in_terminal(code: str, **variables: str) -> str:
    """Return what a program writes to a terminal 80 columns wide."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {key: value for key, value in os.environ.items() if key != progress.VARIABLE}
    environment |= {"PYTHONPATH": str(CHECKOUT / "src"), "TERM": "xterm", **variables}
    running = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment, cwd=CHECKOUT)
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how Linux says that nobody holds the other end
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert running.wait() == 0
    return written.decode()


def screen(written: str) -> list[str]:
    """Return the lines that are seen at the end, as a terminal puts them."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[A|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[A":
            row -= 1
        else:
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


def test_in_a_terminal_lines_replace_each_other_and_results_stay():
    written = in_terminal(PLACES)
    for text in ("first step", "second", "third", "another place"):
        assert text in written
    assert [line for line in screen(written) if line] == ["a result that stays", "the end"]
    half_way = [line for line in screen(written[: written.index("third") + 6]) if line]
    assert half_way[0] == "a result that stays"
    assert half_way[1] == "third"
    assert half_way[2].startswith("another place")
    assert max(map(len, half_way)) <= 80


FAULT = """
from foldin import cli
from foldin.core import loops, progress
from foldin.core.errors import FoldinError

@cli.foldin.command(section=cli.MACHINE)
def fails():
    progress.step("a line about work that takes long")
    raise FoldinError("it failed")

cli.main(["fails"])
"""


def test_an_error_is_on_a_line_of_its_own():
    written = in_terminal(FAULT)
    assert "a line about work" in written
    assert [line for line in screen(written) if line] == ["foldin: it failed"]


def test_a_terminal_that_cannot_go_back_gets_whole_lines():
    written = in_terminal("from foldin.core.progress import step\nstep('one')\nstep('two')", TERM="dumb")
    assert written.splitlines() == ["one", "two"]


def test_in_jupyter_nothing_is_left_of_progress_and_nothing_is_pink(monkeypatch):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT / "src"))
    cells = [
        new_code_cell("from foldin.core.progress import say, step, tick\nfrom IPython.core import displaypub"),
        # What is displayed, and what later replaces it.
        new_code_cell(
            "shell = get_ipython()\nseen, publish = [], shell.display_pub.publish\n"
            "def spy(data, *rest, update=False, **more):\n"
            "    seen.append((data['text/plain'], update))\n    publish(data, *rest, update=update, **more)\n"
            "shell.display_pub.publish = spy\n"
            "step('one')\ntick('two', every=0)\nsay('a warning')"
        ),
        new_code_cell("del shell.display_pub.publish\nseen"),
    ]
    done = nbclient.NotebookClient(new_notebook(cells=cells), kernel_name="python3").execute()
    shown, after = done.cells[1].outputs, done.cells[2].outputs
    assert [output.get("name", output.output_type) for output in shown] == ["display_data", "stdout"]
    assert shown[0].data == {"text/plain": ""}
    assert shown[1].text == "a warning\n"
    assert after[0].data["text/plain"] == "[('one', False), ('two', True), ('', True)]"
