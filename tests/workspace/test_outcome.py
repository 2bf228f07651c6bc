"""`make repro` ends with the answer: where to read, who wins, and whether the bytes are the commit's."""

import pytest
from conftest import commit, sh

from foldin.core.errors import FoldinError
from foldin.workspace import outcome

BOARD = """model,kind,rmse,ndcg
oracle,oracle,0.5,0.9
mf-l2,model,0.7764,0.1
als-implicit,model,,0.2042
bias,baseline,0.9038,
"""


@pytest.fixture
def reported(workspace):
    (workspace / "reports" / "demo").mkdir(parents=True)
    (workspace / "reports" / "demo" / "leaderboard.csv").write_text(BOARD)
    (workspace / "dvc.lock").write_text("stages: {}\n")
    sh("git", "init", "--quiet", "--initial-branch", "main", cwd=workspace)
    commit(workspace, "first")
    return workspace


def test_an_equal_run_says_so_and_names_the_winners_without_the_oracle(reported, capsys):
    outcome.run()
    assert capsys.readouterr().out == (
        "Read the comparison: reports/demo/README.md\n"
        "  mf-l2 predicts ratings best (RMSE 0.7764); als-implicit ranks best (NDCG 0.2042)\n"
        "All metrics, plots and hashes are those of this commit.\n"
    )


def test_what_differs_from_the_commit_is_named(reported, capsys):
    (reported / "dvc.lock").write_text("stages: {one: two}\n")
    for number in range(6):
        (reported / "reports" / "demo" / f"{number}.json").write_text("{}")
    outcome.run()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Not as in this commit: dvc.lock, reports/demo/0.json")
    assert " and 2 more. Look: dvc metrics diff" in last


def test_without_ratings_only_the_ranking_has_a_winner(reported, capsys):
    (reported / "reports" / "demo" / "leaderboard.csv").write_text("model,kind,rmse,ndcg\nals-implicit,model,,0.2\n")
    outcome.run()
    assert "  als-implicit ranks best (NDCG 0.2000)\n" in capsys.readouterr().out


def test_without_a_report_it_says_how_to_make_one(workspace):
    with pytest.raises(FoldinError, match=r"reports/demo/leaderboard\.csv: no leaderboard .*: make repro$"):
        outcome.run()
