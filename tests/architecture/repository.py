"""The repository as it will be committed: the files that git knows, or would take."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Every file that is tracked, or neither tracked nor ignored, as paths below the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    names = (Path(name) for name in listed.split("\0") if name)
    return tuple(path for path in names if (ROOT / path).is_file())


def texts() -> dict[str, str]:
    """Those of them that are text, by path."""
    found = {}
    for path in files():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            found[path.as_posix()] = data.decode("utf-8")
    return found
