"""The command line: commands for the user, and `foldin STAGE DATASET [FAMILY]` as dvc.yaml calls it.

A new command is a function here, in its section, or in the `commands` of its package: it imports what it calls, calls
it, and reports the result. Nothing else is imported before the CPU environment is fixed: numpy reads it when it loads.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import shell_complete

from foldin.core import commands, faults, progress
from foldin.core.errors import FoldinError
from foldin.core.text import one_line
from foldin.recommend import commands as recommend

RESULTS = "See results"
SETTINGS = "Set up data and parameters"
MACHINE = "Work on this machine"
STAGES = "Stages of the pipeline (`dvc repro` runs them)"
TUNE = """Search for better settings of a family's models on training data.

Trains each model of FAMILY many times, each time with other settings, on the data set's training part; the test
part is not read. Section `tune` of params.yaml says which settings are tried, how, and how many trials there are.
Prints each trial, then the best settings beside those of params.yaml.

\b
For example:
  foldin tune demo als
  foldin tune ml-100k als --model als-explicit

Writes nothing but its trials (data/partial/trials), so that a search stopped by Ctrl-C goes on when you run it
again. To train with what it finds, do one of these, then run `dvc repro`:

\b
  - copy the settings that it prints into params.yaml; or
  - add the family to tune.families in params.yaml: the stage tune then searches
    each data set, and its result replaces the settings of params.yaml there.

Takes about as long as training a model once, times the number of trials; folds multiply it, and cores share it.
On demo with two cores that is some seconds for baselines, and half a minute for als.
"""
COMPLETION = "_FOLDIN_COMPLETE"
"""The variable by which a shell asks for completions, as click names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, and print every expected error in one line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.

    Returns
    -------
    int
        0; 1 after an error printed on standard error; 2 after a wrong call; 130 after Ctrl-C; 141 if the output is no
        longer read.
    """
    if asked := os.environ.get(COMPLETION):
        return shell_complete(foldin, {}, "foldin", COMPLETION, asked)
    # SIGTERM (from dvc, make or a container that stops) cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        # click's own `main` has other words and exit codes for what is caught here.
        with foldin.make_context("foldin", list(sys.argv[1:] if arguments is None else arguments)) as context:
            context.call_on_close(progress.end)  # before an error is printed
            foldin.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "foldin"
        print(f"foldin: {error.format_message().rstrip('.')}; see {path} --help", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of the output, such as `head`, has closed it; discard what Python still buffers.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except faults.EXPECTED as fault:
        print(faults.line(fault), file=sys.stderr)
        return 1
    except (ImportError, RuntimeError) as fault:
        if not faults.of_memory(fault):
            raise
        print(faults.line(fault), file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"foldin: {str(stopped) or 'stopped; nothing half-written was kept'}", file=sys.stderr)
        return 130
    return 0


@click.group(
    cls=commands.Sections,
    epilog="""\b
Let bash complete commands, data sets and families (zsh: zsh_source, fish: fish_source):
  eval "$(_FOLDIN_COMPLETE=bash_source foldin)"
""",
    context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]},
)
def foldin() -> None:
    """Compare recommenders, reproducibly: a workspace of notebooks and a pipeline."""


# --- See results ---


@foldin.command(section=RESULTS)
def outcome() -> None:
    """Print the report's path, the best models, and whether results match this commit."""
    from foldin.workspace import outcome

    outcome.run()


@foldin.command(section=RESULTS)
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


@foldin.command(section=RESULTS)
@click.argument("before", metavar="REV")
@click.argument("after", metavar="[REV]", required=False)
@click.option("--dataset", help="Only this data set.", shell_complete=commands.shell_completion("datasets"))
@click.option("--model", help="Only this model, such as als-explicit.")
@click.option("--metrics", default="", help="Comma-separated metric names. Default: the headline metrics.")
@click.option("--all", "everything", is_flag=True, help="All metrics, including those by domain, in one wide table.")
@click.option("--markdown", is_flag=True, help="One short table in Markdown, such as for a workflow's summary.")
def compare(before: str, after: str | None, **asked: Any) -> None:
    """Compare metrics of two commits, with intervals if per-user results are in DVC's cache.

    REV is a commit as git names it (HEAD~1, a branch, a tag), or an experiment as DVC names it; the second defaults to
    the working tree.
    """
    from foldin.workspace import compare

    compare.run(before, after, **asked)


@foldin.command("open", section=RESULTS)
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


@foldin.command(section=RESULTS)
@click.option(
    "--dataset",
    help="The data set. Default: that of params.yaml, if it lists one.",
    shell_complete=commands.shell_completion("datasets"),
)
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path), help="Write this HTML file, and open no browser."
)
def page(dataset: str | None, to: Path | None) -> None:
    """Show report.html with example users in the browser, those of real data too.

    The page in git has no rows of real users. This one is reports/DATASET/report.local.html, which git ignores.
    """
    from foldin.workspace import local_page

    local_page.run(dataset, to)


@foldin.command(section=RESULTS)
def experiments() -> None:
    """Show experiments side by side: the parameters that differ first, then RMSE and NDCG."""
    from foldin.workspace import experiments

    experiments.run()


@foldin.command(section=RESULTS)
@click.argument("stage")
def why(stage: str) -> None:
    """Explain why a stage, such as train@demo-als, would run again."""
    from foldin.workspace import why

    why.run(stage)


@foldin.command(section=RESULTS)
@click.argument("revisions", metavar="REV...", nargs=-1, required=True)
def average(revisions: tuple[str, ...]) -> None:
    """Average metrics over commits or experiments that hold out different folds, with their standard deviation."""
    from foldin.workspace import average

    average.run(revisions)


@foldin.command(section=RESULTS)
@click.option("--dataset", help="Only this data set.", shell_complete=commands.shell_completion("datasets"))
@click.option(
    "--to",
    default="mlruns",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The folder of MLflow's runs.",
)
def mlflow(dataset: str | None, to: Path) -> None:
    """Write the results of this commit to a folder of MLflow runs, a run for each model.

    Starts no server and sends nothing. Runs that are there already are not written again. Needs the extra `mlflow`:
    make install EXTRA=mlflow.
    """
    from foldin.core import params
    from foldin.recommend import names
    from foldin.workspace import mlflow_runs

    mlflow_runs.run(to, [names.dataset(dataset)] if dataset else params.datasets())


# --- Get recommendations ---

for _command in recommend.COMMANDS:
    foldin.add_command(_command)

# --- Set up data and parameters ---


@foldin.command(section=SETTINGS)
def datasets() -> None:
    """List the available data sets."""
    from foldin.core import params
    from foldin.datasets.catalogue import ABOUT

    about = dict(ABOUT)
    for name in params.sources():
        # Import pandas only if the user has declared data sets.
        from foldin.datasets import registry

        about[name] = registry.get(name).about
    for name, sentence in about.items():
        print(f"{name:<18} {one_line(sentence)}")


@foldin.command(section=SETTINGS, reads_params=False)
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--write", is_flag=True, help="Write the declaration into params.yaml.")
@click.option("--name", help="The data set's name. Default: from the file's name.")
@click.option("--member", help="The file to read in a zip archive of several.")
def describe(files: tuple[Path, ...], write: bool, name: str | None, member: str | None) -> None:
    """Examine your file, and propose a declaration for params.yaml.

    Reads the whole file, lists every column, and says UNSURE where it may be read in another way. Give tables of items
    and users together with the file of ratings: foldin describe own/ratings.csv own/films.csv --write
    """
    from foldin.datasets.own import proposal

    if len(files) > 1 or files[0].is_dir():
        from foldin.datasets.own import side

        if member is not None:
            raise click.UsageError("--member is of one file")
        found = side.examine(list(files))
    else:
        found = proposal.examine(files[0], member)
    print(proposal.written(found, name, to_paste=not write))
    if write:
        from foldin.datasets.own import write as into

        print(into.write(found, name))


@foldin.command(section=SETTINGS)
def check() -> None:
    """Check all of params.yaml, including every family's section."""
    from foldin.workspace import check_params

    check_params.check()
    print("params.yaml: ok")


# --- Work on this machine ---


@foldin.command(section=MACHINE)
def repro() -> None:
    """Bring the pipeline up to date as `dvc repro` does, several families at a time."""
    from foldin.workspace import repro

    repro.run()


@foldin.command(section=MACHINE)
@click.option(
    "--open",
    "notebook",
    metavar="NOTEBOOK",
    type=click.Path(),
    help="Open this notebook instead of the folder notebooks/.",
)
@click.argument("options", nargs=-1, metavar="[-- OPTION...]")
def lab(notebook: str | None, options: tuple[str, ...]) -> None:
    """Open JupyterLab in the pipeline's environment, so notebooks give the same results.

    Options after -- go to JupyterLab.
    """
    from foldin.workspace import lab

    lab.run(notebook, options)


@foldin.command(section=MACHINE)
@click.option("--cache", is_flag=True, help="Also check DVC's cache for damage.")
def doctor(cache: bool) -> None:
    """Check this machine and environment for problems."""
    from foldin.workspace import doctor

    if not doctor.run(look_at_cache=cache):
        sys.exit(1)


@foldin.command(section=MACHINE)
@click.option("--dataset", help="Only this data set's stages.", shell_complete=commands.shell_completion("datasets"))
@click.option("--stage", help="Only this stage, such as train@demo-als.")
@click.option(
    "--with",
    "lane",
    multiple=True,
    metavar="NAME=VALUE",
    help="Run with a different CPU environment variable, such as OPENBLAS_CORETYPE=Nehalem.",
)
@click.option(
    "--processor",
    "processors",
    multiple=True,
    metavar="NAME",
    help="Run a smaller pipeline as this processor and as another, such as Haswell; may be repeated.",
)
@click.option("--keep", is_flag=True, help="Keep the copy for inspection.")
def verify(
    dataset: str | None, stage: str | None, lane: tuple[str, ...], processors: tuple[str, ...], keep: bool
) -> None:
    """Run the pipeline again in a copy, and compare with dvc.lock."""
    from foldin.workspace import verify, verify_processors

    if processors and lane:
        raise FoldinError("--processor and --with are two comparisons", remedy="ask for one at a time")
    if processors:
        same = verify_processors.run(processors, dataset, stage, keep=keep)
    else:
        same = verify.run(dataset, stage, lane, keep=keep)
    if not same:
        sys.exit(1)


# --- Stages of the pipeline ---


@foldin.command(section=STAGES)
@click.option("--check", is_flag=True, help="Only list the notebooks that have outputs.")
@click.option("--in-place", is_flag=True, help="Remove outputs from the notebooks themselves.")
@click.option("--filter", is_flag=True, help="From standard input to standard output, as a git filter.")
@click.option(
    "--lock-filter", is_flag=True, help="Filter dvc.lock instead: replace hashes of notebooks that have outputs."
)
def strip(**asked: bool) -> None:
    """Copy notebooks without outputs, for the pipeline."""
    from foldin.workspace import pipeline, strip, watched_inputs

    match [name for name in asked if asked[name]]:
        case []:
            with watched_inputs.inputs("strip"):
                strip.strip_all()
        case ["check"]:
            if changed := strip.strip_all(check=True):
                what = f"notebooks with outputs or editor traces: {', '.join(changed)}"
                raise FoldinError(what, remedy="remove them: make format")
        case ["in_place"]:
            strip.strip_all(in_place=True)
        case ["filter"]:
            strip.strip_stream(sys.stdin.buffer, sys.stdout.buffer)
        case ["lock_filter"]:
            sys.stdout.write(pipeline.as_stripped(sys.stdin.read()))
        case _:
            raise click.UsageError("these options exclude one another")


@foldin.command(section=STAGES, help=TUNE)
@click.argument("dataset", shell_complete=commands.shell_completion("datasets"))
@click.argument("family", shell_complete=commands.shell_completion("families"))
@click.option("--model", help="Only this model of the family, such as als-explicit.")
@click.option("--write", is_flag=True, help="Also write what is chosen, as `dvc repro` does for tune.families.")
def tune(dataset: str, family: str, model: str | None, write: bool) -> None:
    """Search for better settings of a family's models on training data."""
    from foldin.workspace import check_names, staging, tune, watched_inputs

    if write and model:
        raise click.UsageError("--write is of all models of a family: leave out --model")
    check_names.check_search(dataset, family, write=write)
    if write:
        with watched_inputs.inputs("tune", dataset, family):
            tune.run(dataset, family, write=True)
    else:
        with staging.only_run(f"tune@{dataset}-{family}"):
            tune.run(dataset, family, model)


@foldin.command(section=STAGES)
@click.argument("dataset", shell_complete=commands.shell_completion("datasets"))
def tuned(dataset: str) -> None:
    """Write the settings that the stage tune chose, for training."""
    from foldin.tuning import tuned
    from foldin.workspace import watched_inputs

    # Before the inputs are hashed: searches of families that are no longer tuned are none.
    tuned.remove_old_searches(dataset)
    with watched_inputs.inputs("tuned", dataset):
        tuned.run(dataset)


def _add_stage(name: str, module: str, about: str, *of: str) -> None:
    """Add the command of a stage: it runs the module for a data set, and a family, while the inputs are watched."""

    def run(**given: str) -> None:
        from foldin.core import engines
        from foldin.workspace import watched_inputs

        stage, names = importlib.import_module(engines.module(module)), [given[one] for one in of]
        with watched_inputs.inputs(name.replace("-", "_"), *names):
            if module == "workspace.run_notebook":
                stage.run(name, *names, command=f"{name}@{given['dataset']}")
            else:
                stage.run(*names)

    lists = {"dataset": "datasets", "family": "families"}
    arguments = [click.Argument([one], shell_complete=commands.shell_completion(lists[one])) for one in of]
    foldin.add_command(commands.Command(name, section=STAGES, callback=run, params=[*arguments], help=about))


for _stage in (
    ("source", "workspace.source_lists", "List the source files that each stage imports, for DVC."),
    (
        "fetch",
        "preparation.fetch",
        "Get a data set's files: generated, from an archive folder, or downloaded.",
        "dataset",
    ),
    ("clean", "preparation.clean", "Turn raw files into canonical tables, counting dropped rows by reason.", "dataset"),
    ("user-item", "preparation.user_item", "Split the ratings, and make user-item matrices to train on.", "dataset"),
    ("train", "workspace.train", "Run a family's notebook: train its models.", "dataset", "family"),
    ("evaluate", "evaluation.evaluate", "Evaluate a family's saved models on the test part.", "dataset", "family"),
    ("report", "workspace.run_notebook", "Write the report page of a data set.", "dataset"),
    ("explore", "workspace.run_notebook", "Describe a data set.", "dataset"),
    ("traps", "workspace.run_notebook", "Show the gallery of traps on a data set.", "dataset"),
):
    _add_stage(*_stage)
