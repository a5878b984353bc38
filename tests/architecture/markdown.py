"""Reading our own Markdown: code blocks, code spans, and rows of tables."""

import re
from pathlib import Path
from textwrap import dedent

# A fence may be indented, as inside a list; its closing fence is indented alike.
_FENCE = re.compile(r"^( *)```(\w*) ?([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def fenced(page: Path, language: str) -> tuple[str, ...]:
    """The code blocks of one language, in order."""
    return tuple(body for _, body in named(page, language))


def named(page: Path, language: str) -> tuple[tuple[str, str], ...]:
    """The code blocks of one language with what stands after it on the fence: the path of a file, or nothing."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return tuple((name, dedent(body)) for _, spoken, name, body in found if spoken == language)


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
