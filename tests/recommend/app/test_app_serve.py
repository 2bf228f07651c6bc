"""`foldin demo-app`: what it says where it cannot start; which models it offers."""

import base64
import hashlib
import importlib.util
import os
import socket

import pytest

from foldin import cli
from foldin.core import extras
from foldin.core.errors import FoldinError
from foldin.recommend.app import serve


@pytest.fixture
def with_extra(monkeypatch):
    monkeypatch.setattr(extras, "require", lambda *_: None)


def test_without_the_extra_one_line_says_how_to_install_it(saved_models, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["demo-app"]) == 1
    assert capsys.readouterr().err == (
        "foldin: the app needs Streamlit, which is an extra; install it: make install EXTRA=app\n"
    )


def test_a_port_in_use_is_said(saved_models, with_extra, capsys):
    with serve.listening(0) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        assert cli.main(["demo-app", "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"foldin: port {port} of 127.0.0.1 cannot be used (Address already in use); "
        "leave out --port to take a free one\n"
    )


def test_a_socket_is_closed_where_its_port_is_taken(monkeypatch):
    closed = []

    class Socket(socket.socket):
        def close(self):
            closed.append(True)
            super().close()

    with serve.listening(0) as taken:
        monkeypatch.setattr(socket, "socket", Socket)
        with pytest.raises(FoldinError):
            serve.listening(taken.getsockname()[1])
        assert closed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "dmo"], "unknown data set 'dmo'; did you mean 'demo'?"),
        (["--dataset", "ml-100k"], "reports/ml-100k/leaderboard.csv: no leaderboard here"),
    ],
)
def test_a_data_set_without_models_is_one_line(saved_models, with_extra, capsys, arguments, said):
    assert cli.main(["demo-app", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_models_that_rank_and_are_trained_are_offered_best_first(saved_models):
    # bias is on the leaderboard, but does not rank; the oracle is no model.
    assert serve.ranking("demo") == ["gf-cf", "ease", "als-explicit"]


def test_a_leaderboard_without_trained_models_says_what_to_run(workspace, with_extra, capsys):
    board = workspace / "reports" / "demo" / "leaderboard.csv"
    board.parent.mkdir(parents=True)
    board.write_text("model,family,kind,rmse,ndcg\nease,linear,model,,0.3\n")
    assert cli.main(["demo-app"]) == 1
    assert capsys.readouterr().err == ("foldin: data/models/demo: no trained models here; train them: make repro\n")


def test_only_the_scripts_that_stand_in_the_page_may_run():
    page = '<script>\n  a = 1\n</script><script type="module" src="b.js"></script><script>c</script>'
    digests = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"\n  a = 1\n", b"c")]
    assert serve.inline_scripts(page) == " ".join(f"'sha256-{digest}'" for digest in digests)


def test_the_stamp_of_a_folder_changes_with_its_files(tmp_path):
    assert serve.stamp(tmp_path / "nowhere") == serve.stamp(tmp_path)
    (tmp_path / "a").write_text("1")
    first = serve.stamp(tmp_path)
    assert serve.stamp(tmp_path) == first
    os.utime(tmp_path / "a", ns=(1, 1))
    second = serve.stamp(tmp_path)
    (tmp_path / "b").write_text("1")
    assert len({first, second, serve.stamp(tmp_path)}) == 3
