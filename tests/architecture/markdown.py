"""Reading our own Markdown: code blocks, code spans, and rows of tables."""

import re
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def fenced(page: Path, language: str) -> tuple[str, ...]:
    """The code blocks of one language, in order."""
    return tuple(body for name, body in _FENCE.findall(page.read_text(encoding="utf-8")) if name == language)


def spans(page: Path) -> tuple[str, ...]:
    """The code spans of the running text, code blocks left out."""
    return tuple(_SPAN.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))))


def rows(page: Path, heading: str) -> tuple[tuple[str, ...], ...]:
    """The cells of the first table below a heading, without its head; empty where there is none."""
    below = page.read_text(encoding="utf-8").partition(f"\n{heading}\n")[2].splitlines()
    start = next((n for n, line in enumerate(below) if line.startswith("|")), len(below))
    table = []
    for line in below[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return tuple(table)
