"""The section "Get recommendations" of the command line: each command imports what it calls, and reports the result."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from foldin.core import commands, extras, faults

SECTION = "Get recommendations"
WHY = (
    "Print the ratings that count most for each item. For each rating in turn, the user is folded in again without it. "
    "The more the item's score minus the mean score of unrated items then falls, the more the rating counts."
)


def _models(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    from foldin.recommend import names

    try:
        return [CompletionItem(name) for name in sorted(names.families_of_models()) if name.startswith(begun)]
    except faults.EXPECTED:
        return []  # outside a checkout nothing is listed


def _with_model(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of all these commands."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--k", default=10, show_default=True, help="Length of a list."),
            click.option(
                "--model", shell_complete=_models, help=f"The model, such as als-implicit. Default: {default}."
            ),
            click.option(
                "--dataset",
                shell_complete=commands.shell_completion("datasets"),
                help="The data set. Default: that of params.yaml, if it lists one.",
            ),
        ):
            command = option(command)
        return command

    return add


BEST = "the best ranking model of the leaderboard"


@click.command(
    cls=commands.Command,
    section=SECTION,
    epilog="""\b
For example:
  foldin recommend --user user-0001 --why
  foldin recommend --model als-implicit --all --to lists.parquet
""",
)
@_with_model(BEST)
@click.option("--user", help="The user's id, as in the data set.")
@click.option("--all", "everyone", is_flag=True, help="Write the lists of all users to a file instead; see --to.")
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path), help="With --all: a .parquet, .csv or .jsonl file."
)
@click.option("--why", "explain", is_flag=True, help=WHY)
def recommend(
    dataset: str | None, model: str | None, k: int, user: str | None, everyone: bool, to: Path | None, explain: bool
) -> None:
    """Print a user's recommendations, or write those of all users to a file.

    Uses the saved model, which was trained on all training data. Leaves out items that the user has rated in the
    training data.
    """
    if everyone == (user is not None):
        raise click.UsageError("give either --user or --all")
    if everyone != (to is not None):
        raise click.UsageError("--all needs --to FILE" if everyone else "--to goes with --all")
    if everyone and explain:
        raise click.UsageError("--why explains the list of one --user")
    from foldin.core import engines
    from foldin.recommend import batch, lists, names

    names.length(k)
    if to is not None:
        batch.ending(to)
    found = _open(dataset, model)
    if to is not None:
        importlib.import_module(engines.module("recommend.batch")).run(found, k, to)
    elif user is not None:
        lists.run(found, user, k, explain=explain)


@click.command(
    cls=commands.Command,
    section=SECTION,
    epilog="""\b
For example:
  foldin similar --model als-implicit --item movie-0001
""",
)
@_with_model(f"{BEST} that has item vectors or item-item weights")
@click.option("--item", required=True, help="The item's id or exact title.")
def similar(dataset: str | None, model: str | None, k: int, item: str) -> None:
    """Print the items that a model places nearest to an item.

    Compares items by the cosine of the model's item vectors, or by its item-item weights. If a model has neither, the
    command says so.
    """
    from foldin.recommend import names, similar

    names.length(k)
    similar.run(_open(dataset, model, similar.best), item, k)


@click.command(
    cls=commands.Command,
    section=SECTION,
    epilog="""\b
For example:
  foldin rate my-ratings.csv --why
""",
)
@_with_model(BEST)
@click.argument("file", metavar="[FILE.csv]", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--why", "explain", is_flag=True, help=WHY)
def rate(dataset: str | None, model: str | None, k: int, file: Path | None, explain: bool) -> None:
    """Print recommendations for somebody new from their ratings, without training again.

    FILE.csv has the columns item and rating; an item is named by its id or exact title. For implicit data, the column
    rating is a count, and may be missing. Without a file, the command asks for titles and ratings.
    """
    import sys

    from foldin.recommend import lists, names, new_user, prompt

    names.length(k)
    if file is None and not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask on: name a FILE.csv, or - for standard input")
    found = _open(dataset, model)
    if file is None:
        ratings = new_user.Ratings(found.dataset, found.training)
        prompt.ask(ratings)
    else:
        ratings = new_user.read(file, found.dataset, found.training)
    row = ratings.row()
    given = f"{row.nnz:,} rating{'' if row.nnz == 1 else 's'}"
    print(f"{found.headline}\nFrom {given}, folded in; the list leaves out rated items.\n")
    lists.print_list(found, *lists.by_fold_in(found, row, k), row if explain else None)


@click.command(
    cls=commands.Command,
    section=SECTION,
    epilog="""\b
For example:
  foldin export --model als-implicit --to exports/als
""",
)
@click.option("--model", required=True, shell_complete=_models, help="The model, such as als-implicit.")
@click.option(
    "--to",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The folder to write; it must be new or empty.",
)
@click.option(
    "--dataset",
    shell_complete=commands.shell_completion("datasets"),
    help="The data set. Default: that of params.yaml, if it lists one.",
)
@click.option(
    "--index", is_flag=True, help="Also write an approximate index of the item vectors, and measure its recall."
)
def export(dataset: str | None, model: str, to: Path, index: bool) -> None:
    """Write a saved model to a folder that works without foldin.

    The folder holds the model's vectors, biases, weights or network, the ids of users and items, and a README.md with
    code that finds a user's best items. Nothing is trained.
    """
    from foldin.recommend import export

    export.refuse_used(to)
    if index:
        extras.require("faiss", "--index needs faiss", "ann")
    export.run(_open(dataset, model), to, index=index)


@click.command("demo-app", cls=commands.Command, section=SECTION)
@click.option(
    "--dataset",
    shell_complete=commands.shell_completion("datasets"),
    help="The data set. Default: that of params.yaml, if it lists one.",
)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="The port on 127.0.0.1. Default: a free one.")
def demo_app(dataset: str | None, port: int) -> None:
    """Serve a page for your browser: pick a user or rate titles, and see the lists of two models side by side.

    Only this machine can reach the page. It needs a token, which is in the printed address. Ctrl-C stops it. Needs the
    extra `app`: make install EXTRA=app.
    """
    from foldin.recommend.app import serve

    serve.run(dataset, port)


def _open(dataset: str | None, model: str | None, best: Callable[[str], str] | None = None) -> Any:
    """Load the model that a command names, or the best one."""
    from foldin.recommend import names, saved

    data = names.dataset(dataset)
    chosen = model or (best(data) if best else saved.by_rank(data)[0])
    what = "knows which items are near" if best else "ranks"
    why = f"the best model of reports/{data}/leaderboard.csv that {what}"
    return saved.open_saved(data, chosen, "" if model else why)


COMMANDS = (recommend, similar, rate, demo_app, export)
