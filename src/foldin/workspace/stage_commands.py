"""The section "Stages of the pipeline" of the command line: `foldin STAGE DATASET [FAMILY]`, as dvc.yaml calls it."""

import importlib
import sys

import click

from foldin.core import commands
from foldin.core.errors import FoldinError

SECTION = "Stages of the pipeline (`dvc repro` runs them)"
TUNE = """Search for better settings of a family's models on training data.

Trains each model of FAMILY many times on training data, each time with other settings. Does not read the test part.
The section `tune` of params.yaml says which settings to try, how, and how many trials to run. Prints each trial, then
the best settings beside those of params.yaml.

\b
For example:
  foldin tune demo als
  foldin tune ml-100k als --model als-explicit

Writes only its trials (data/partial/trials). If you stop a search by Ctrl-C and run it again, it continues. To train
with the settings that it finds, do one of these, then run `dvc repro`:

\b
  - copy the settings that it prints into params.yaml; or
  - add the family to tune.families in params.yaml: the stage tune then searches
    each data set, and train uses the settings it finds instead of those in params.yaml.

A search takes about as long as training a model once, times the number of trials, times the number of folds; cores
share the work. On demo with two cores, it takes some seconds for baselines and half a minute for als.
"""


@click.command(cls=commands.Command, section=SECTION)
@click.option("--check", is_flag=True, help="Only list the notebooks that have outputs.")
@click.option("--in-place", is_flag=True, help="Remove outputs from the notebooks themselves.")
@click.option("--filter", is_flag=True, help="Read standard input and write standard output, as a git filter.")
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


@click.command(cls=commands.Command, section=SECTION, help=TUNE)
@click.argument("dataset", shell_complete=commands.shell_completion("datasets"))
@click.argument("family", shell_complete=commands.shell_completion("families"))
@click.option("--model", help="Only this model of the family, such as als-explicit.")
@click.option("--write", is_flag=True, help="Also write the chosen settings, as `dvc repro` does for tune.families.")
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


@click.command(cls=commands.Command, section=SECTION)
@click.argument("dataset", shell_complete=commands.shell_completion("datasets"))
def tuned(dataset: str) -> None:
    """Write the settings that the stage tune chose, for training."""
    from foldin.tuning import tuned
    from foldin.workspace import watched_inputs

    # Before the inputs are hashed: searches of families that are no longer tuned are none.
    tuned.remove_old_searches(dataset)
    with watched_inputs.inputs("tuned", dataset):
        tuned.run(dataset)


def _stage(name: str, module: str, about: str, *of: str) -> commands.Command:
    """Return the command of a stage: it runs the module for a data set, and a family, while the inputs are watched."""

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
    return commands.Command(name, section=SECTION, callback=run, params=[*arguments], help=about)


STAGES = (
    ("source", "workspace.source_lists", "List the source files that each stage imports, for DVC."),
    (
        "fetch",
        "preparation.fetch",
        "Get a data set's files: generate them, copy them from an archive folder, or download them.",
        "dataset",
    ),
    (
        "clean",
        "preparation.clean",
        "Turn raw files into canonical tables, and count dropped rows by reason.",
        "dataset",
    ),
    ("user-item", "preparation.user_item", "Split the ratings, and make user-item matrices to train on.", "dataset"),
    ("train", "workspace.train", "Run a family's notebook, which trains its models.", "dataset", "family"),
    ("evaluate", "evaluation.evaluate", "Evaluate a family's saved models on the test part.", "dataset", "family"),
    ("report", "workspace.run_notebook", "Write the report page of a data set.", "dataset"),
    ("explore", "workspace.run_notebook", "Describe a data set.", "dataset"),
    ("traps", "workspace.run_notebook", "Show the gallery of traps on a data set.", "dataset"),
)
"""Name, module below foldin, help and arguments of each stage that is no more than its module."""
COMMANDS = (strip, tune, tuned, *(_stage(*each) for each in STAGES))
