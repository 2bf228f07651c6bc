"""What the report shows of tuning: the settings chosen beside those of params.yaml, and the trials they came from."""

import json
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from foldin.core import params, paths
from foldin.report import plots

Accounts = dict[str, dict[str, Any]]


def accounts(dataset: str) -> Accounts:
    """Return what was found for each model of a tuned family: model name → account; empty where tuning is off."""
    found: Accounts = {}
    for family in _families():
        found |= json.loads(paths.account(dataset, f"tuning/{family}").read_text(encoding="utf-8"))
    return found


def _families() -> list[str]:
    return [family for family in params.families() if family in params.tuned_families()]


def table(found: Accounts) -> pd.DataFrame:
    """Return the settings searched, a row each, as params.yaml has them and as chosen; after them a model's metric."""
    rows = []
    for model, account in found.items():
        for name, value in account["chosen"].items():
            rows.append({"model": model, "setting": name, "params.yaml": account["params"][name], "chosen": value})
        before, value = account["value_of_params"], account["value"]
        rows.append(
            {
                "model": model,
                "setting": label(account),
                "params.yaml": "diverged" if before is None else f"{before:.4f}",
                "chosen": f"{value:.4f}",
            }
        )
    return pd.DataFrame(rows).astype(str)


def label(account: dict[str, Any]) -> str:
    """Return what a search went by: `RMSE on the validation part`."""
    name = account["metric"].upper().replace("_AT_", "@")
    return f"{name}, mean of {account['folds']} folds" if account["folds"] else f"{name} on the validation part"


def sentences(found: Accounts) -> str:
    """Return what was done, in words."""
    parts = []
    for model, account in found.items():
        counts = account["trials"]
        total = sum(counts.values())
        ended = [f"{counts[state]} {words}" for state, words in _ENDS.items() if counts[state]]
        parts.append(f"{model} {total} trials by {_METHODS[account['method']]}{_in_brackets(ended)}")
    return (
        f"Settings were searched on training data, before the final training: {'; '.join(parts)}. The best replaced "
        "those of params.yaml, which were judged in the same way."
    )


_METHODS = {"grid": "grid search", "random": "random search", "tpe": "TPE"}
_ENDS = {"pruned": "stopped early", "diverged": "diverged"}


def _in_brackets(texts: list[str]) -> str:
    return f" ({', '.join(texts)})" if texts else ""


def plot(dataset: str) -> Figure:
    """Draw the trials of every model searched: their metrics, the best so far, and that of params.yaml."""
    tables = [pd.read_csv(paths.trials(dataset, family)) for family in _families()]
    trials = pd.concat(tables, ignore_index=True)
    found = accounts(dataset)
    names = list(dict.fromkeys(trials["model"]))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    drawn, axes = plt.subplots(
        rows, columns, figsize=(4.6 * columns, 3.4 * rows), squeeze=False, constrained_layout=True
    )
    for axis, name in zip(axes.flat, names, strict=False):
        rows_of = trials[(trials["model"] == name) & (trials["trial"] > 0)]
        ended = rows_of.dropna(subset="value")
        axis.plot(ended["trial"], ended["value"], "o", color=plots.COLOURS[0], label="trial")
        axis.step(rows_of["trial"], rows_of["best"], where="post", color=plots.COLOURS[5], label="best so far")
        stopped = rows_of[rows_of["value"].isna()]
        # They have no value: where they stopped says when, below all others.
        axis.plot(
            stopped["trial"],
            [0.02] * len(stopped),
            "x",
            color=plots.QUIET,
            transform=axis.get_xaxis_transform(),
            label="stopped early",
        )
        before = found[name]["value_of_params"]
        if before is not None:
            axis.axhline(before, color=plots.QUIET, ls="--", lw=1.5, label="params.yaml", zorder=0)
        axis.set_title(name)
        axis.set_xlabel("trial")
        axis.set_ylabel(found[name]["metric"].upper().replace("_AT_", "@"))
        axis.xaxis.get_major_locator().set_params(integer=True)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    axes[0, 0].legend(fontsize="small")
    plt.close(drawn)
    return drawn
