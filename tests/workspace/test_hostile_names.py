"""The names of params.yaml become parts of commands, and run none."""

import pytest
from conftest import CHECKOUT, edit_params, sh

from foldin import cli
from foldin.core import params
from foldin.core.errors import FoldinError

COMMAND = "touch pwned"
NAMES = [
    f"demo; {COMMAND}",
    f"demo && {COMMAND} #",
    f"$({COMMAND})",
    f"`{COMMAND}`",
    f"demo' ; {COMMAND} ; '",
    f'demo" ; {COMMAND} ; "',
    f"demo | {COMMAND}",
    "demo > pwned",
    "--help",
]
LINES = [f"demo\n{COMMAND}\n", f"demo'\n{COMMAND}\n'", f"--help'\n{COMMAND}\n'"]
"""DVC runs each line of a command by itself: of these, the first ends within quotes, and fails."""


@pytest.fixture
def pipeline(workspace):
    """Return a workspace in which DVC runs stages."""
    (workspace / ".dvc").mkdir()
    for name in ("config", "plots.html"):
        (workspace / ".dvc" / name).write_bytes((CHECKOUT / ".dvc" / name).read_bytes())
    (workspace / "own").mkdir()
    (workspace / "data" / "source").mkdir(parents=True)
    (workspace / "data" / "source" / "fetch.txt").touch()
    sh("dvc", "config", "core.no_scm", "true", cwd=workspace)
    return workspace


def fetch(folder, names):
    """Let DVC run the stage `fetch` of each of these data sets, whatever becomes of the others."""
    edit_params(folder, lambda values: values.update(datasets=list(names)))
    return sh("dvc", "repro", "--single-item", "--keep-going", "fetch", cwd=folder, ok=False)


def test_a_name_reaches_the_command_as_one_word(pipeline):
    (pipeline / "src" / "foldin").mkdir(parents=True)
    program = "import sys; print(sys.argv[1:], file=open('said', 'a'))"
    (pipeline / "src" / "foldin" / "__main__.py").write_text(program)
    done = fetch(pipeline, NAMES)
    said = (pipeline / "said").read_text().splitlines()
    assert said == [str(["fetch", "--dataset", name]) for name in NAMES], done.stderr
    assert not (pipeline / "pwned").exists()


def test_no_name_runs_a_command_and_each_stage_refuses_it(pipeline):
    (pipeline / "src").symlink_to(CHECKOUT / "src")
    done = fetch(pipeline, NAMES[:1])
    assert f"foldin: params.yaml: datasets names '{NAMES[0]}'" in done.stderr
    assert fetch(pipeline, LINES).returncode != 0
    assert not list(pipeline.rglob("*pwned*"))
    assert not (pipeline / "data" / "raw").exists()


@pytest.mark.parametrize("name", [*NAMES, *LINES, "..", ".hidden", "a/b", "/etc", "a b", "é", ""])
def test_every_command_refuses_what_cannot_be_a_name(workspace, capsys, name):
    edit_params(workspace, lambda values: values.update(datasets=[name]))
    with pytest.raises(FoldinError, match=r"^params\.yaml: datasets names .*; a name has letters, digits"):
        params.read()
    assert cli.main(["fetch", "--dataset", name]) == 1
    assert cli.main(["fetch", "demo"]) == 1
    assert capsys.readouterr().err.count("\n") == 2


def test_arguments_by_name_are_those_by_place(workspace, capsys):
    for arguments in (["train", "demo", "asl"], ["train", "--dataset", "demo", "--family", "asl"]):
        assert cli.main(arguments) == 1
        assert "asl" in capsys.readouterr().err
    assert cli.main(["tune", "--dataset", "demo", "--family", "als", "--write"]) == 1
    assert "tune.families does not name 'als'" in capsys.readouterr().err
    assert cli.main(["train", "--dataset", "--help", "--family", "als"]) == 1
    assert "'--help'" in capsys.readouterr().err


def test_all_commands_of_the_pipeline_are_quoted():
    for text in (CHECKOUT / "dvc.yaml").read_text().splitlines():
        if text.strip().startswith("cmd:"):
            assert "${item." not in text, text
