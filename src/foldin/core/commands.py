"""What all commands share: help sections, the fixed CPU environment, and shell completion."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from foldin.core import faults

THREADS = 2
"""Threads of a command that does not read how many are asked for."""
TRAIN = ("train", "tune", "report", "explore", "traps")
"""Commands that train models, or run a notebook, whose kernel loads as many libraries."""


class Command(click.Command):
    """A command that runs under the CPU lane.

    Parameters
    ----------
    *arguments, **options
        As of `click.Command`.
    section : str
        The heading it is listed under.
    reads_params : bool, optional
        Whether it needs params.yaml; else it runs although that is broken or absent, with `THREADS` threads.
    """

    def __init__(self, *arguments: Any, section: str, reads_params: bool = True, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.section, self.reads_params = section, reads_params

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take arguments by name as well, as dvc.yaml gives them: `--dataset demo --family als`.

        DVC quotes values for the shell only where it writes their names, too. Whatever a value begins with, it is no
        option.
        """
        given = [f"--{each.name}" for each in self.params if isinstance(each, click.Argument)]
        if given and args[: 2 * len(given) : 2] == given:
            args = [*args[2 * len(given) :], "--", *args[1 : 2 * len(given) : 2]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; numpy has not been imported yet, and reads its environment when it is."""
        from foldin.core import collector, determinism, params

        collector.relax()
        faults.refuse_little_memory(faults.LEAST_FOR_MODELS if self.name in TRAIN else faults.LEAST_MEMORY)
        if self.reads_params:
            determinism.fix_environment(params.threads(), params.device())
        else:
            determinism.fix_environment(THREADS)
        return super().invoke(ctx)


class Sections(click.Group):
    """Commands listed by section; sections and commands are in the order they are written in."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a heading for each section, and a line for each of its commands."""
        sections: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands))
        for name, command in self.commands.items():
            if isinstance(command, Command):
                about = (command.help or "").partition("\n")[0].removesuffix(".")
                sections.setdefault(command.section, []).append((name.ljust(width), about))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


def shell_completion(key: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes a name that params.yaml lists.

    Parameters
    ----------
    key : str
        Where it lists them: "datasets" or "families".
    """

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        from foldin.core import params

        try:
            return [CompletionItem(name) for name in params.read()[key] if name.startswith(begun)]
        except faults.EXPECTED:
            return []  # outside a checkout nothing is listed

    return complete
