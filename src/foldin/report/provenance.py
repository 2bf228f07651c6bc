"""Where the page's metrics come from: the data, the definitions of the metrics, and the method."""

from typing import Any

import pandas as pd

from foldin.core import engines, params, paths, text
from foldin.evaluation import guards
from foldin.metrics import definitions
from foldin.preparation import protocols, repeats
from foldin.report import markdown, results
from foldin.report.contents import Findings


def metric_names(findings: Findings) -> set[str]:
    """Return the names of all metrics of all models, as in the files in git."""
    names: set[str] = set()
    for family in params.families():
        folder = paths.predictions(findings.dataset.name, family)
        for values in results.read_metrics(folder / "metrics.json").values():
            names |= guards.names(values)
    return names


def data(findings: Findings) -> list[str]:
    """Return what the data are, how they were cleaned and split, and how many of them are cold."""
    dataset = findings.dataset
    account = results.read_metrics(paths.account(dataset.name, "cleaning"))
    cleaned = account["ratings"]
    split = results.read_metrics(paths.account(dataset.name, "split"))
    dropped = [f"{count:,} for {reason.replace('_', ' ')}" for reason, count in cleaned["dropped"].items() if count]
    cold = [f"{split[f'cold_{what}_in_test']:,} {what}" for what in ("users", "items", "pairs")]
    return [
        text.markdown(f"{dataset.about} Source: {dataset.source}. Terms: {dataset.licence}"),
        f"Of {cleaned['rows_in']:,} raw {dataset.noun} {cleaned['rows_out']:,} were kept (dropped: "
        f"{', '.join(dropped) or 'none'}). They were split {_protocol(split)}: {split['ratings_train']:,} train, "
        f"{split['ratings_validation']:,} validation and {split['ratings_test']:,} test {dataset.noun}. The "
        f"train and validation parts together, on which the final models are fitted, contain {split['users']:,} users "
        f"and {split['items']:,} items, and {split['density_of_training']:.2%} of their pairs are rated. In the "
        f"test part, {cold[0]} and {cold[1]} are cold; {cold[2]} contain one of them.",
        *_repeats(cleaned),
        *_changes(account),
        "![Ratings given, and ratings by item and user](plots/data.png)",
    ]


def _repeats(cleaned: dict[str, Any]) -> list[str]:
    """Return what cleaning made of pairs that occur more than once; nothing if none does."""
    said = repeats.in_words(cleaned.get("repeats", {}))
    return [f"{said[0].upper()}{said[1:]}."] if said else []


def _changes(account: dict[str, Any]) -> list[str]:
    """Return what cleaning changed, and what it kept although it looks odd; nothing if it did neither."""
    rows = [
        {"table": table, "what": what, "reason": reason.replace("_", " "), "rows": f"{count:,}"}
        for table in ("ratings", "items", "users")
        for what in ("changed", "kept")
        for reason, count in account[table].get(what, {}).items()
        if count
    ]
    if not rows:
        return []
    return [
        "Rows in which cleaning changed a value, or which look odd but were kept:",
        markdown.table(pd.DataFrame(rows)),
    ]


def _protocol(split: dict[str, Any]) -> str:
    fold = f" (fold {split['fold']})" if "fold" in split else ""
    return f"{protocols.PROTOCOLS[split['protocol']][1]}{fold} (protocol `{split['protocol']}`)"


def metrics(findings: Findings) -> list[str]:
    """Return the definitions of all metrics, in words."""
    shown: dict[str, str] = {}
    names = metric_names(findings)
    for name in sorted(names):
        plain = definitions.base(name)
        if plain not in ("leak", "seeds") and not plain.endswith(("_z", "_advantage")):
            shown[plain] = definitions.METRICS[plain].text
    kinds = [kind for kind in definitions.GROUPS if any(name.startswith(f"{kind}.") for name in names)]
    return [
        f"Symbols: {definitions.SYMBOLS}.",
        "\n".join(f"- `{name}`: {text}" for name, text in shown.items()),
        "Metrics of groups of items:",
        "\n".join(f"- `{kind}.…`: the same metrics. {definitions.GROUPS[kind]}" for kind in kinds),
    ]


def method(findings: Findings) -> list[str]:
    """Return how the metrics came about, and the command that makes them again."""
    name = findings.dataset.name
    return [
        f"`dvc repro report@{name}` with `{name}` among the `datasets` of params.yaml. Models learn from the train "
        "part, choose their epochs on the validation part, are retrained on both and evaluated once on the test part, "
        "which no training stage reads. Definitions of all metrics: definitions.json.",
        *_engine(),
    ]


def _engine() -> list[str]:
    """Return which engine ran; nothing of the local one."""
    if params.read_as_declared("engine")["engine"] == "local":
        return []
    return [
        f"Engine: Apache Spark (`engine: spark`), for what it can run of cleaning, splitting and evaluation, and for "
        f"models of the families {', '.join(engines.FAMILIES)}. docs/scale.md says whose results differ from the local "
        "engine's."
    ]
