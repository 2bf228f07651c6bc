"""What the report calls the best, whichever kinds of models were trained."""

import numpy as np
import pandas as pd
import pytest

from foldin.report.contents import Findings

BOARD = pd.DataFrame(
    {
        "model": ["mf", "bias", "global-mean", "tf-idf"],
        "kind": ["model", "baseline", "baseline", "model"],
        "rmse": [0.8, 0.9, 1.1, np.nan],
    }
)


@pytest.mark.parametrize(
    ("models", "best"),
    [
        (["mf", "bias", "global-mean", "tf-idf"], "mf"),
        (["bias", "global-mean", "tf-idf"], "bias"),
        (["bias", "global-mean"], "bias"),
        (["tf-idf"], None),
    ],
)
def test_the_best_rater_is_a_baseline_where_only_these_rate(models, best):
    board = BOARD[BOARD["model"].isin(models)]
    assert Findings(None, board, 10, [], None).best_rater == best
