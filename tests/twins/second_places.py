"""The second gateway with a hideout in its state folder, one twin for each."""

import gzip
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client
from tests.twins import registry
from tests.twins.places import ABOUT, HIDEOUTS, OPEN, SCRATCH, Hideout


class Hiding(SecondGateway):
    """Every prompt is given to the hideout."""

    hideout: ClassVar[Hideout]

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._keep = self.hideout.make(self.state)
        self._one_by_one = threading.Lock()

    def on_prompt(self, call: Call) -> None:
        with self._one_by_one:
            self._keep(call.body)


for _hideout in HIDEOUTS:
    _made = type("Hiding", (Hiding,), {"hideout": _hideout, "__doc__": _hideout.make.__doc__})
    if _hideout.fails:
        registry.twin(_hideout.name, host="second", fails=_hideout.fails)(_made)
    else:
        registry.variant(_hideout.name, host="second", about=ABOUT)(_made)


@registry.variant(
    "scratch-file-that-is-declared", host="second", surfaces=SCRATCH.format(state="state/"), about=ABOUT
)
class ScratchFileThatIsDeclared(SecondGateway):
    """A file for the ids of requests in flight, declared and searched like the others."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        (self.state / "scratch.tmp").touch()

    def on_prompt(self, call: Call) -> None:
        with (self.state / "scratch.tmp").open("a") as file:
            file.write(f"{call.id}\n")


@registry.variant("log-that-rotates", host="second", about=ABOUT)
class LogThatRotates(SecondGateway):
    """The log is put aside every hundred lines, packed every other time, and begun anew."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._lines = 0

    def log(self, fields: Mapping[str, object]) -> None:
        super().log(fields)
        with self._log_mutex:
            self._lines += 1
            if self._lines % 100 == 0:
                self._rotate(self._lines // 100)

    def _rotate(self, number: int) -> None:
        path = self.state / "gateway.log"
        self._log_file.close()
        if number % 2:
            path.rename(f"{path}.{number}")
        else:
            Path(f"{path}.{number}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        self._log_file = path.open("w")


class _Remembering(SecondGateway):
    """The last requests, in memory alone."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.passed: list[bytes] = []

    def on_prompt(self, call: Call) -> None:
        self.passed.append(call.body)


@registry.twin("debug-console-open-to-all", host="second", fails={OPEN})
class DebugConsoleOpenToAll(_Remembering):
    """The last requests on a page of the framework's."""

    def handle(self, call: Call, client: Client) -> Answer | None:
        if call.path == "/debug/requests":
            return Answer(200, b"\n".join(self.passed[-10:]))
        return super().handle(call, client)


@registry.twin("log-stream-open-to-all", host="second", fails={OPEN})
class LogStreamOpenToAll(_Remembering):
    """A stream of what passes, for as long as somebody listens; afterwards nothing is left of it."""

    def handle(self, call: Call, client: Client) -> Answer | None:
        if call.path != "/logs/stream":
            return super().handle(call, client)
        self.passed.clear()
        client.begin()
        while not self._stopped.wait(0.05):
            told, self.passed[:] = b"".join(b"data: " + body + b"\n\n" for body in self.passed), []
            client.piece(told or b": \n\n")
        return None
