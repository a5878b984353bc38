"""Gateways as processes that the audit may end and start again, the second as another make of itself."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.twins.arena import listening, running
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import Host, entry

_ROOT = Path(__file__).parents[2]
_CONTROL = """
import os, signal, subprocess, sys, time

module, folder, what = sys.argv[1:]
pid_file = folder + "/pid"
if what == "kill":
    pid = int(open(pid_file).read())
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.02)
else:
    log = open(folder + "/gateway/output.log", "ab")
    arguments = [sys.executable, "-m", module, "--config", folder + "/gateway/config.json"]
    started = subprocess.Popen(arguments, cwd=%r, stdout=log, stderr=log, start_new_session=True)
    open(pid_file, "w").write(str(started.pid))
"""


@contextmanager
def standing(host: Host, twin: str, folder: Path) -> Iterator[tuple[Ground, Path, int]]:
    """A gateway as a process: its ground, its target file, its process id."""
    made = entry(host, twin)
    ground = prepared(folder)
    with running(command(ground, made), ground) as process:
        yield ground, write_target(ground, made, listening(process, ground)), process.pid


def controlled(ground: Ground, target_file: Path, pid: int, module: str) -> Path:
    """Commands that kill the second gateway and start this module in its place."""
    folder, config = ground.folder, ground.folder / "gateway" / "config.json"
    port = json.loads(ground.log.read_text().splitlines()[0])["port"]
    config.write_text(json.dumps({**json.loads(config.read_text()), "port": port}))
    (folder / "control.py").write_text(_CONTROL % str(_ROOT))
    (folder / "pid").write_text(str(pid))
    commands = {
        what: [sys.executable, str(folder / "control.py"), module, str(folder), what]
        for what in ("start", "kill")
    }
    lines = "".join(f"{name} = {json.dumps(arguments)}\n" for name, arguments in commands.items())
    target_file.write_text(f"{target_file.read_text()}\n[control]\n{lines}")
    return folder / "pid"
