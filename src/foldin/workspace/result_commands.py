"""The section "See results" of the command line: each command imports what it calls, and reports the result."""

from pathlib import Path
from typing import Any

import click

from foldin.core import commands

SECTION = "See results"


@click.command(cls=commands.Command, section=SECTION)
def outcome() -> None:
    """Print the report's path, the best models, and whether results match this commit."""
    from foldin.workspace import outcome

    outcome.run()


@click.command(cls=commands.Command, section=SECTION)
@click.argument("dataset", required=False, shell_complete=commands.shell_completion("datasets"))
@click.option("--costs", is_flag=True, help="Print what each model cost on this machine: time, memory, size on disk.")
@click.option(
    "--markdown", is_flag=True, help="Print the best models of all data sets as the table of reports/README.md."
)
def show(dataset: str | None, costs: bool, markdown: bool) -> None:
    """Print the leaderboard of a data set, or the best models of all data sets, as stored in git."""
    from foldin.workspace import overview, show

    if markdown and (dataset or costs):
        raise click.UsageError("--markdown is of all data sets: leave out the rest")
    if dataset or costs:
        show.run(dataset, costs=costs)
    else:
        print(overview.markdown() if markdown else overview.text())


@click.command(cls=commands.Command, section=SECTION)
@click.argument("before", metavar="REV")
@click.argument("after", metavar="[REV]", required=False)
@click.option("--dataset", help="Only this data set.", shell_complete=commands.shell_completion("datasets"))
@click.option("--model", help="Only this model, such as als-explicit.")
@click.option("--metrics", default="", help="Comma-separated metric names. Default: the headline metrics.")
@click.option("--all", "everything", is_flag=True, help="Print all metrics, also those by domain, in one wide table.")
@click.option(
    "--markdown", is_flag=True, help="Print one short table in Markdown, for example for a workflow's summary."
)
def compare(before: str, after: str | None, **asked: Any) -> None:
    """Compare metrics of two commits, with intervals if per-user results are in DVC's cache.

    REV is a commit as git names it (HEAD~1, a branch, a tag), or an experiment as DVC names it; the second defaults to
    the working tree.
    """
    from foldin.workspace import compare

    compare.run(before, after, **asked)


@click.command("open", cls=commands.Command, section=SECTION)
@click.argument("notebook", shell_complete=commands.shell_completion("families"))
@click.option(
    "--dataset",
    help="The data set. Default: that of params.yaml, if it lists one.",
    shell_complete=commands.shell_completion("datasets"),
)
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path), help="Write this HTML file, and open no browser."
)
def open_notebook(notebook: str, dataset: str | None, to: Path | None) -> None:
    """Show an executed notebook, such as als or report, in the browser."""
    from foldin.workspace import read_notebook

    read_notebook.run(notebook, dataset, to)


@click.command(cls=commands.Command, section=SECTION)
@click.option(
    "--dataset",
    help="The data set. Default: that of params.yaml, if it lists one.",
    shell_complete=commands.shell_completion("datasets"),
)
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path), help="Write this HTML file, and open no browser."
)
def page(dataset: str | None, to: Path | None) -> None:
    """Show a copy of report.html in the browser, which also has example users of real data.

    The report.html in git has no rows of real users. The copy is reports/DATASET/report.local.html, which git ignores.
    """
    from foldin.workspace import local_page

    local_page.run(dataset, to)


@click.command(cls=commands.Command, section=SECTION)
def experiments() -> None:
    """Show experiments side by side: the parameters that differ first, then RMSE and NDCG."""
    from foldin.workspace import experiments

    experiments.run()


@click.command(cls=commands.Command, section=SECTION)
@click.argument("stage")
def why(stage: str) -> None:
    """Explain why a stage, such as train@demo-als, would run again."""
    from foldin.workspace import why

    why.run(stage)


@click.command(cls=commands.Command, section=SECTION)
@click.argument("revisions", metavar="REV...", nargs=-1, required=True)
def average(revisions: tuple[str, ...]) -> None:
    """Print means and standard deviations of metrics over commits or experiments that hold out different folds."""
    from foldin.workspace import average

    average.run(revisions)


@click.command(cls=commands.Command, section=SECTION)
@click.option("--dataset", help="Only this data set.", shell_complete=commands.shell_completion("datasets"))
@click.option(
    "--to",
    default="mlruns",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The folder of the MLflow runs.",
)
def mlflow(dataset: str | None, to: Path) -> None:
    """Write the results of this commit to a folder of MLflow runs, with one run for each model.

    Starts no server and sends nothing. Skips runs that the folder has already. Needs the extra `mlflow`: make install
    EXTRA=mlflow.
    """
    from foldin.core import params
    from foldin.recommend import names
    from foldin.workspace import mlflow_runs

    mlflow_runs.run(to, [names.dataset(dataset)] if dataset else params.datasets())


COMMANDS = (outcome, show, compare, open_notebook, page, experiments, why, average, mlflow)
