"""The command line: `foldin STAGE DATASET [FAMILY]`, as dvc.yaml calls it, and a few commands for people.

Only the standard library is imported before the CPU lane is fixed: numpy reads its environment when it loads.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from foldin.core.errors import FoldinError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, and say every expected fault in one line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.

    Returns
    -------
    int
        0, or 1 after a fault said on standard error, 130 after Ctrl-C, or 141 where nobody reads the output any more.
    """
    options = _parser().parse_args(arguments)
    # A polite end (dvc, make, a container stopping) cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _dispatch(options)
    except FoldinError as error:
        print(f"foldin: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"foldin: {error.filename}: not there; make it with the stage before: dvc repro", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has enough; what Python still holds back must go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"foldin: {place}{error.strerror or error}; free space or mend permissions, then run again",
            file=sys.stderr,
        )
        return 1
    except ModuleNotFoundError as error:
        advice = "install the environment with `make install` and run `. .venv/bin/activate`, or use make"
        print(f"foldin: this Python ({sys.executable}) has no '{error.name}'; {advice}", file=sys.stderr)
        return 1
    except MemoryError as error:
        advice = "close programs, or make the problem smaller: section subset of params.yaml, or the number of factors"
        print(f"foldin: memory ran out ({str(error) or 'no more is free'}); {advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("foldin: stopped; nothing half-written was kept", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="foldin", description="Stages and helpers of the foldin workspace.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    stages = {
        "fetch": "raw files of a data set: generated, from an archive folder, or downloaded",
        "clean": "raw files into canonical tables, with an account of each row dropped",
        "user-item": "the split, and sparse user-item matrices of the training part",
        "explore": "run the notebook that describes a data set",
        "traps": "the gallery of traps on a data set",
        "report": "the report page of a data set",
    }
    for name, about in stages.items():
        commands.add_parser(name, help=about, description=about).add_argument("dataset")
    for name, about in {
        "train": "run a family's notebook: its models and training curves",
        "evaluate": "judge a family's saved models on the test part",
    }.items():
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("dataset")
        command.add_argument("family")
    strip = commands.add_parser("strip", help="notebooks without outputs, for the pipeline")
    how = strip.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="only say which notebooks carry outputs")
    how.add_argument("--in-place", action="store_true", help="take outputs off the notebooks themselves")
    how.add_argument("--filter", action="store_true", help="from standard input to standard output, as git asks for it")
    how.add_argument("--lock-filter", action="store_true", help="the same for dvc.lock: as if no notebook had outputs")
    commands.add_parser("datasets", help="the data sets there are")
    commands.add_parser("outcome", help="where the report is, who wins, and whether all is as in this commit")
    about = "what to declare of a file of your own, to paste into params.yaml"
    commands.add_parser("describe", help=about, description=about).add_argument("file")
    about = "the source files each stage can reach, for DVC"
    commands.add_parser("source", help=about, description=about)
    commands.add_parser("check", help="check params.yaml as a whole, every family's section included")
    lab = commands.add_parser("lab", help="JupyterLab with the numbers the pipeline gives")
    lab.add_argument("--open", metavar="NOTEBOOK", help="instead of the folder notebooks/")
    lab.add_argument("options", nargs="*", help="for JupyterLab itself, after --")
    doctor = commands.add_parser("doctor", help="what of this machine and environment is not as foldin needs it")
    doctor.add_argument("--cache", action="store_true", help="look whether all of DVC's cache is undamaged, too")
    verify = commands.add_parser("verify", help="run the pipeline again in a copy, and compare with dvc.lock")
    verify.add_argument("--dataset", help="only this data set's stages")
    verify.add_argument("--stage", help="only this stage, such as train@demo-als")
    verify.add_argument(
        "--with",
        dest="lane",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=("run under another variable of the CPU lane, such as OPENBLAS_CORETYPE=Nehalem"),
    )
    verify.add_argument(
        "--processor",
        dest="processors",
        action="append",
        default=[],
        metavar="NAME",
        help="run a smaller pipeline as this processor and as another, such as Haswell; may be given again",
    )
    verify.add_argument("--keep", action="store_true", help="leave the copy for a look")
    about = "the metrics that differ between two commits, with intervals where each user's results are at hand"
    compare = commands.add_parser("compare", help=about, description=about)
    revision = "a commit as git names it (HEAD~1, a branch, a tag), or an experiment as DVC names it"
    compare.add_argument("before", metavar="REV", help=revision)
    compare.add_argument("after", metavar="REV", nargs="?", help="the same; the workspace unless given")
    compare.add_argument("--dataset", help="only this data set")
    compare.add_argument("--model", help="only this model, such as als-explicit")
    compare.add_argument("--metrics", default="", help="names, with commas; the headline metrics unless given")
    compare.add_argument("--all", action="store_true", help="all metrics, of domains as well, in one wide table")
    about = "the leaderboard, from the files in git"
    commands.add_parser("show", help=about, description=about).add_argument("dataset", nargs="?")
    about = "why a stage runs again: the dependency, parameter or source file that changed since its last run"
    commands.add_parser("why", help=about, description=about).add_argument("stage", help="such as train@demo-als")
    about = "experiments side by side: the parameters that differ first, then RMSE and NDCG"
    commands.add_parser("experiments", help=about, description=about)
    about = "the mean and spread of metrics over commits or experiments that each held out another fold"
    commands.add_parser("average", help=about, description=about).add_argument("revisions", metavar="REV", nargs="+")
    return parser


def _dispatch(options: argparse.Namespace) -> None:
    from foldin.core import determinism, params
    from foldin.workspace import watched_inputs

    determinism.pin(params.threads(), params.device())
    match options.command:
        case "fetch":
            from foldin.preparation import fetch

            with watched_inputs.inputs("fetch", options.dataset):
                fetch.run(options.dataset)
        case "clean":
            from foldin.preparation import clean

            with watched_inputs.inputs("clean", options.dataset):
                clean.run(options.dataset)
        case "user-item":
            from foldin.preparation import user_item

            with watched_inputs.inputs("user_item", options.dataset):
                user_item.run(options.dataset)
        case "train":
            from foldin.workspace import train

            with watched_inputs.inputs("train", options.dataset, options.family):
                train.run(options.dataset, options.family)
        case "evaluate":
            from foldin.evaluation import evaluate

            with watched_inputs.inputs("evaluate", options.dataset, options.family):
                evaluate.run(options.dataset, options.family)
        case "explore" | "traps" | "report":
            from foldin.workspace import run_notebook

            with watched_inputs.inputs(options.command, options.dataset):
                run_notebook.run(options.command, options.dataset, command=f"{options.command}@{options.dataset}")
        case "strip":
            if options.filter:
                from foldin.workspace import strip

                strip.strip_stream(sys.stdin.buffer, sys.stdout.buffer)
            elif options.lock_filter:
                from foldin.workspace import pipeline

                sys.stdout.write(pipeline.as_stripped(sys.stdin.read()))
            elif options.check or options.in_place:
                _strip(check=options.check, in_place=options.in_place)
            else:
                with watched_inputs.inputs("strip"):
                    _strip(check=False, in_place=False)
        case "source":
            from foldin.workspace import source_lists

            with watched_inputs.inputs("source"):
                source_lists.run()
        case "datasets":
            _datasets()
        case "outcome":
            from foldin.workspace import outcome

            outcome.run()
        case "describe":
            from foldin.datasets.own import proposal

            print(proposal.proposal(Path(options.file)))
        case "check":
            _check()
        case "doctor":
            from foldin.workspace import doctor

            if not doctor.run(look_at_cache=options.cache):
                sys.exit(1)
        case "verify":
            from foldin.workspace import verify, verify_processors

            if options.processors and options.lane:
                raise FoldinError("--processor and --with are two comparisons", remedy="ask for one at a time")
            if options.processors:
                same = verify_processors.run(options.processors, options.dataset, options.stage, keep=options.keep)
            else:
                same = verify.run(options.dataset, options.stage, options.lane, keep=options.keep)
            if not same:
                sys.exit(1)
        case "compare":
            from foldin.workspace import compare

            compare.run(
                options.before,
                options.after,
                dataset=options.dataset,
                model=options.model,
                metrics=options.metrics,
                everything=options.all,
            )
        case "show":
            from foldin.workspace import show

            show.run(options.dataset)
        case "why":
            from foldin.workspace import why

            why.run(options.stage)
        case "experiments":
            from foldin.workspace import experiments

            experiments.run()
        case "average":
            from foldin.workspace import average

            average.run(options.revisions)
        case "lab":
            from foldin.core import paths

            if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options.options:
                remedy = "if you mean it: .venv/bin/foldin lab -- --allow-root"
                raise FoldinError("JupyterLab does not run as root by itself", remedy=remedy)
            shown = options.open or str(paths.source_notebooks())
            # A copy of the checkout works with its own source, whatever is installed.
            os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
            os.execvp("jupyter", ["jupyter", "lab", "--ip", "127.0.0.1", *options.options, shown])


def _strip(*, check: bool, in_place: bool) -> None:
    from foldin.workspace import strip

    changed = strip.strip_all(check=check, in_place=in_place)
    if check and changed:
        raise FoldinError(
            f"notebooks with outputs or editor traces: {', '.join(changed)}",
            remedy="take them off: make format",
        )


def _datasets() -> None:
    from foldin.datasets import registry

    for name in registry.names():
        print(f"{name:<18} {registry.get(name).about}")


def _check() -> None:
    from foldin import models
    from foldin.core import params
    from foldin.datasets import registry
    from foldin.preparation import splits
    from foldin.report import ties

    for section in params.SECTIONS.values():
        params.section(section)
    evaluation, split = params.section(params.Evaluation), params.section(params.Split)
    report = params.section(params.Report)
    for name in {**dict.fromkeys(params.datasets()), **params.sources()}:
        registry.get(name)
    if split.protocol not in splits.PROTOCOLS:
        remedy = params.nearest(split.protocol, list(splits.PROTOCOLS))
        raise FoldinError(f"split.protocol is '{split.protocol}'", where="params.yaml", remedy=remedy)
    if split.protocol == "k_fold" and split.fold > split.folds:
        what = f"split.fold is {split.fold} of {split.folds}"
        raise FoldinError(what, where="params.yaml", remedy="choose from 1 to split.folds")
    if split.test + split.validation >= 1:
        what = f"split.test and split.validation are {split.test} and {split.validation}, which leaves nothing to learn"
        raise FoldinError(what, where="params.yaml", remedy="their sum must be below 1")
    if report.recommendations > evaluation.k:
        what = f"report.recommendations is {report.recommendations}, and lists have evaluation.k = {evaluation.k}"
        raise FoldinError(what, where="params.yaml", remedy=f"choose up to {evaluation.k}")
    compared = 0
    for family in params.known_families():
        compared += len(models.family(family)) * (family in params.families())
        params.seeds(family)
    # The report would refuse them as well, after everything has been trained.
    ties.refuse_few_draws(evaluation.resamples, compared - 1, evaluation.confidence)
    print("params.yaml: ok")
