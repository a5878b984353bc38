"""A calm display of progress on a terminal; nothing where nobody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.audit import Progress


@contextmanager
def display(*, quiet: bool) -> Iterator[Progress]:
    """What is being looked at, one line each while it lasts, and how many looks are done."""
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def tell(what: str, event: str) -> None:
            if event == "begins":
                tasks[what] = bar.add_task(what, total=None)
            elif what in tasks:
                bar.remove_task(tasks.pop(what))
                mark = "[yellow]?[/]" if event == "cannot" else "[green]·[/]"
                bar.console.print(f"{mark} {what}", highlight=False)

        yield tell


def _nothing(what: str, event: str) -> None:
    """Nobody watches."""
