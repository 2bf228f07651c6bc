"""The command line: commands for the user, and `foldin STAGE DATASET [FAMILY]` as dvc.yaml calls it.

A new command is a function in the module of its section: here, `workspace.result_commands`, `recommend.commands` or
`workspace.stage_commands`. It imports what it calls, calls it, and reports the result. Nothing else is imported before
the CPU environment is fixed: numpy reads it when it loads.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from foldin.core import commands, faults, progress
from foldin.core.errors import FoldinError
from foldin.core.text import one_line
from foldin.recommend import commands as recommend
from foldin.workspace import result_commands as results
from foldin.workspace import stage_commands as stages

SETTINGS = "Set up data and parameters"
MACHINE = "Work on this machine"
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


for _command in (*results.COMMANDS, *recommend.COMMANDS):
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


@foldin.command(
    section=SETTINGS,
    reads_params=False,
    epilog="""\b
For example:
  foldin describe own/ratings.csv own/films.csv --write
""",
)
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--write", is_flag=True, help="Write the declaration into params.yaml.")
@click.option("--name", help="The data set's name. Default: from the file's name.")
@click.option("--member", help="The file to read in a zip archive of several.")
def describe(files: tuple[Path, ...], write: bool, name: str | None, member: str | None) -> None:
    """Examine your file, and propose a declaration for params.yaml.

    Reads the whole file and lists every column. A line that begins with UNSURE says what may be read in another way.
    Give tables of items and users in the same command as the file of ratings.
    """
    from foldin.datasets.own import printed, side

    if member is not None and (len(files) > 1 or files[0].is_dir()):
        raise click.UsageError("--member needs exactly one FILE")
    found = side.examine(list(files), member)
    print(printed.written(found, name, to_paste=not write))
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
    """Open JupyterLab in the pipeline's environment, so that notebooks give the same results.

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
    help="Run with another value of a CPU environment variable, such as OPENBLAS_CORETYPE=Nehalem.",
)
@click.option(
    "--processor",
    "processors",
    multiple=True,
    metavar="NAME",
    help="Run a smaller pipeline on this processor and on an emulated one, such as Haswell; may be repeated.",
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


for _command in stages.COMMANDS:
    foldin.add_command(_command)
