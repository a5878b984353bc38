"""A campaign from start to end, and what is left of it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from tests.reference_gateway.everyway import Campaign, configured
from tests.reference_gateway.gateway import running_gateway, write_tls
from tests.reference_gateway.leaks import ways, writings
from tests.reference_gateway.leaks.canaries import Canaries
from tests.reference_gateway.leaks.writings import Watch
from tests.reference_gateway.stub_provider import running_stub

Around = Callable[[Campaign], AbstractContextManager[object]]


def twin(name: str) -> list[str]:
    """How one of `twins` is started."""
    return ["-m", "tests.reference_gateway.leaks.twins", name]


def _nothing(_campaign: Campaign) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Finished:
    """What can be said when the gateway has ended: `written` is everything that it, or the kernel of it, wrote."""

    campaign: Campaign = field(repr=False)
    status: int
    written: Mapping[str, bytes] = field(repr=False)
    looks: int

    def sightings(self) -> list[str]:
        """Canaries and secrets in what was written."""
        return self.campaign.canaries.sightings(self.written)


@contextmanager
def started(
    folder: Path, command: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Campaign]:
    """A gateway with its provider and keys, ready for all ways; its temporary files go into the folder."""
    write_tls(folder)
    (folder / "tmp").mkdir()
    with ExitStack() as stack:
        stub = stack.enter_context(running_stub(folder))
        canaries = Canaries()
        config = configured(folder, stub, canaries)
        with patch.dict(os.environ, {"TMPDIR": str(folder / "tmp"), **(environment or {})}):
            gateway = stack.enter_context(running_gateway(config, command))
        campaign = Campaign(gateway, stub, canaries)
        campaign.take_keys()
        yield campaign


def every_way(
    folder: Path,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    around: Around = _nothing,
) -> Finished:
    """Starts a gateway, goes every way, and has it stop on the last one."""
    written: dict[str, bytes] = {}
    with started(folder, command, environment) as campaign:
        watch = Watch(campaign.gateway)
        with writings.shared_folders(written), around(campaign), watch.watching():
            ways.go(campaign)
            written |= writings.of_interfaces(campaign.gateway) | writings.of_kernel(campaign.gateway)
            # Its log is emptied at the end.
            written |= {f"{path.name}, used": path.read_bytes() for path in folder.glob("ledger.sqlite3*")}
            ways.go_last(campaign)
            status = campaign.gateway.process.wait(30)
    written |= watch.files | writings.of_folder(folder)
    return Finished(campaign, status, written, watch.looks)
