"""Printing the outcome of a run and writing its renderings."""

import shutil
import sys
from collections.abc import Sequence

from conformance.evidence.folder import RunFolder
from conformance.model.results import Results, Unseen, encode

_SHOWN = 3


def show(results: Results, folder: RunFolder, *, as_json: bool, quiet: bool) -> int:
    """Write the report, print the summary; the value is the exit code."""
    from reports.html import render

    report = folder.write_text("report.html", render(results))
    if as_json:
        sys.stdout.write(encode(results).decode())
    elif quiet:
        print(results.gate.sentence)
    else:
        _print_summary(results)
        for gap in _causes(results):
            print(f"not seen ({gap.fault}): {gap.reason}; {gap.decide}", file=sys.stderr)
        if results.run.leftovers:
            print(_left_behind(results.run.leftovers, folder), file=sys.stderr)
        print(f"report: {report}")
        print(results.gate.sentence)
    return results.gate.exit_code


def _left_behind(names: Sequence[str], folder: RunFolder) -> str:
    """Keys that may still be alive: the first ones by name, the others in the report, and what to do."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    keys = f"{', '.join(names[:_SHOWN])}{more}"
    return f"left behind: these keys may still be alive: {keys}; run: gateproof cleanup {folder.path}"


def _causes(results: Results) -> tuple[Unseen, ...]:
    """What went wrong while looking, each cause once; access that was never declared is in the report, not here."""
    causes = {
        gap.reason: gap
        for gap in results.unseen
        if not gap.reason.startswith("the target file declares no access")
    }
    return tuple(causes.values())


def _print_summary(results: Results) -> None:
    from rich.console import Console
    from rich.text import Text

    from reports.summary import lines, verdict_style

    width = shutil.get_terminal_size((120, 24)).columns
    console = Console(highlight=False, soft_wrap=True)
    words = {claim.verdict for claim in results.claims}
    for line in lines(results, width=width)[:-1]:
        text = Text(line)
        for word in sorted(words, key=len, reverse=True):
            if word in line[:20]:
                text.stylize(verdict_style(word), 0, line.index(word) + len(word))
                break
        console.print(text)
