"""A command that names what is not there is answered with what is."""

import pytest

from foldin import cli


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["dem", "als"], "unknown data set 'dem'; did you mean 'demo'?"),
        (["demo", "asl"], "unknown model family 'asl'; did you mean 'als'?"),
        (["ml-1m", "als"], "'ml-1m' is not among the data sets; add it there, then prepare it: dvc repro user_item@ml"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest(workspace, capsys, names, answer):
    assert cli.main(["tune", *names]) == 1
    assert answer in capsys.readouterr().err
