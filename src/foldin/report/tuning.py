"""What the report shows of tuning: the settings chosen beside those of params.yaml, and the trials they came from."""

import json
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from foldin.core import params, paths
from foldin.report import plots
from foldin.tuning.trials import METHODS, WORDS

BAND = 0.12
"""Share of a panel's height for trials without a result."""

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
        rows.append(
            {
                "model": model,
                "setting": label(account),
                "params.yaml": _metric(account, "value_of_params"),
                "chosen": _metric(account, "value"),
            }
        )
    return pd.DataFrame(rows).astype(str)


def _metric(account: dict[str, Any], key: str) -> str:
    """Return a metric of an account; where there is none, how the trial of params.yaml ended instead."""
    return WORDS[account["state_of_params"]] if account[key] is None else f"{account[key]:.4f}"


def label(account: dict[str, Any]) -> str:
    """Return what a search went by: `RMSE on the validation part`."""
    name = account["metric"].upper().replace("_AT_", "@")
    return f"{name}, mean of {account['folds']} folds" if account["folds"] else f"{name} on the validation part"


def sentences(found: Accounts) -> str:
    """Return what was done, in words."""
    parts = []
    for model, account in found.items():
        counts = account["trials"]
        ended = [f"{counts[state]} {words}" for state, words in WORDS.items() if counts.get(state)]
        how = f"{sum(counts.values())} trials by {METHODS[account['method']]}{_in_brackets(ended)}"
        parts.append(f"- {model}: {how}. {_choice(account)}")
    return (
        "Settings were searched on training data before the models were trained; the test part was not read. A trial "
        "is a model trained with other settings. The settings of params.yaml were evaluated in the same way, and the "
        "best of all were used. The metric of the best of many trials is optimistic; the test metrics above are not."
        "\n\n" + "\n".join(parts)
    )


def _choice(account: dict[str, Any]) -> str:
    if account["value"] is None:
        return "The settings of params.yaml stay."
    return f"Trial {account['trial']} was best." if account["trial"] else "None was better than params.yaml."


def _in_brackets(texts: list[str]) -> str:
    return f" ({', '.join(texts)})" if texts else ""


def plot(dataset: str) -> Figure:
    """Draw the trials of every model searched: their metrics, the best so far, and that of params.yaml.

    Trials without a result stand in a band of their own, at the edge where the metric is worst.
    """
    tables = [pd.read_csv(paths.trials(dataset, family)) for family in _families()]
    trials = pd.concat(tables, ignore_index=True)
    found = accounts(dataset)
    names = list(found)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    drawn, axes = plt.subplots(
        rows, columns, figsize=(4.6 * columns, 3.4 * rows + 0.8), squeeze=False, constrained_layout=True
    )
    for axis, name in zip(axes.flat, names, strict=False):
        _draw(axis, trials[trials["model"] == name], found[name])
        axis.set_title(name)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    # One legend for all panels: none has every kind of trial.
    handles = {
        text: handle for axis in axes.flat for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    drawn.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize="small")
    plt.close(drawn)
    return drawn


def _draw(axis: Axes, trials: pd.DataFrame, account: dict[str, Any]) -> None:
    """Draw the trials of one model; those of its settings in params.yaml as a line."""
    lower_is_better = account["metric"] == "rmse"
    searched = trials[trials["trial"] > 0]
    ended = searched.dropna(subset="value")
    axis.plot(ended["trial"], ended["value"], "o", color=plots.COLOURS[0], label="trial")
    # From the first trial: the best so far includes params.yaml, trial 0.
    axis.step(trials["trial"], trials["best"], where="post", color=plots.COLOURS[5], label="best so far")
    before = account["value_of_params"]
    if before is not None:
        axis.axhline(before, color=plots.QUIET, ls="--", lw=1.5, label="params.yaml", zorder=0)
    _draw_without_result(axis, searched, at_top=lower_is_better)
    title = account["metric"].upper().replace("_AT_", "@")
    axis.set_xlabel("trial")
    axis.set_ylabel(f"{title} ({'lower' if lower_is_better else 'higher'} is better)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_without_result(axis: Axes, trials: pd.DataFrame, *, at_top: bool) -> None:
    """Draw trials that have no metric in a band at the worst edge, which no result reaches."""
    if not trials["value"].isna().any():
        return
    low, high = axis.get_ylim()
    room = BAND / (1 - BAND) * (high - low)
    axis.set_ylim(low - room * (not at_top), high + room * at_top)
    edges = (1 - BAND, 1.0) if at_top else (0.0, BAND)
    # No tick and no line of the grid in it: nothing there has a value.
    axis.set_yticks([tick for tick in axis.get_yticks() if low <= tick <= high])
    axis.add_patch(Rectangle((0, edges[0]), 1, BAND, transform=axis.transAxes, color="#eeeeee", zorder=0.6))
    for marker, (state, words) in zip("xv+", WORDS.items(), strict=True):
        numbers = trials.loc[trials["state"] == state, "trial"]
        if len(numbers):
            axis.plot(
                numbers,
                [sum(edges) / 2] * len(numbers),
                marker,
                color=plots.QUIET,
                transform=axis.get_xaxis_transform(),
                label=f"no result: {words}",
            )
