"""The answer in sentences: which leads are significant, and which another seed might turn."""

from dataclasses import dataclass

import pandas as pd
import pytest

from foldin.report import verdict


@dataclass
class Findings:
    """As much of a report as the answer reads."""

    board: pd.DataFrame
    ndcg: str = "ndcg_at_10"
    k: int = 10
    best_rater: str | None = "net"
    best_ranker: str = "als"


def findings(**changes):
    columns = ["model", "kind", "rmse", "rmse_seed_sd", "rmse_tied", "ndcg_at_10", "ndcg_at_10_seed_sd", "ndcg_tied"]
    rows = [
        ("net", "model", 0.770, 0.007, True, 0.10, 0.001, False),
        ("mf", "model", 0.776, 0.001, False, 0.12, 0.001, False),
        ("als", "model", 0.790, 0.000, False, 0.20, 0.001, True),
        ("bias", "baseline", 0.900, None, False, 0.02, None, False),
        ("oracle", "oracle", 0.765, None, False, 0.30, None, False),
    ]
    board = pd.DataFrame(rows, columns=columns).set_index("model")
    for place, value in changes.items():
        model, column = place.split("__")
        board.loc[model, column] = value
    return Findings(board.reset_index())


def test_a_lead_that_another_seed_might_turn_is_said_with_how_much_each_moves():
    text = verdict.sentences(findings())
    assert (
        "With other seeds, **mf** (± 0.0010) might beat net (± 0.0070). The ± is the standard deviation of RMSE over "
        "seeds; the lead is less than two standard deviations of the difference." in text
    )
    assert text.count("other seeds") == 1


def test_a_rival_fitted_with_one_seed_is_not_said_to_have_no_noise():
    text = verdict.sentences(findings(bias__rmse=0.775))
    assert "**mf** (± 0.0010), **bias** (trained once) might beat net (± 0.0070)" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [({"net__rmse_seed_sd": 0.001}, False), ({"mf__rmse_tied": True}, False), ({"als__rmse_seed_sd": 0.02}, True)],
)
def test_leads_beyond_the_seeds_and_ties_are_not(change, said):
    text = verdict.sentences(findings(**change))
    assert ("other seeds" in text) == said
    assert "oracle**" not in text
    assert ("In RMSE, **mf** is tied with net (no significant difference)." in text) == ("mf__rmse_tied" in change)
    assert ("In RMSE, the lead of net is significant." in text) == ("mf__rmse_tied" not in change)
    assert "In NDCG@10, the lead of als is significant." in text


def test_a_baseline_that_no_model_beats_is_the_answer():
    text = verdict.sentences(findings(bias__ndcg_at_10=0.25, bias__ndcg_tied=True, als__ndcg_tied=False))
    assert (
        "**no model beats the bias baseline**, which ranks best (NDCG@10 0.2500; the best model, als: 0.2000)" in text
    )
    assert "**net** predicts ratings best (RMSE 0.7700; the bias baseline: 0.9000)" in text
    assert "tied with als" not in text
    assert "In NDCG@10, the lead of bias is significant." in text
    assert "might beat als" not in text


def test_who_is_best_of_a_domain_is_said_where_it_is_another():
    board = findings().board.set_index("model")
    for domain, names in {"books": ("bias", "bias"), "films": ("net", "als"), "songs": ("mf", "als")}.items():
        board[f"domains.{domain}.rmse"] = 0.9
        board[f"domains.{domain}.ndcg_at_10"] = 0.1
        board.loc[names[0], f"domains.{domain}.rmse"] = 0.7
        board.loc[names[1], f"domains.{domain}.ndcg_at_10"] = 0.2
    assert (
        "The best model depends on the domain: on books **bias**, a baseline, predicts ratings best (0.7000; net: "
        "0.9000) and **bias**, a baseline, ranks best (0.2000; als: 0.1000); on songs **mf** predicts ratings best "
        "(0.7000; net: 0.9000)." in verdict.sentences(Findings(board.reset_index()))
    )
    assert "depends on the domain" not in verdict.sentences(findings())
