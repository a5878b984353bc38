"""What the tests of discovery look with: a target whose gateway is a puppet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.collectors.places.members import Members
from conformance.collectors.places.watcher import Watcher
from conformance.target import Gateway, Processes, Surface, Target, WitnessPlace


def target_of(
    *pids: int,
    surfaces: tuple[Surface, ...] = (),
    url: str = "https://gateway.example",
    witness: int = 0,
    **more: object,
) -> Target:
    """A target whose gateway is some processes; none is declared where no id is given."""
    declared = Processes(pids=pids, **more) if pids or more else None  # type: ignore[arg-type]
    return Target(
        name="a gateway",
        environment="test",
        gateway=Gateway(base_urls=(url,)),
        processes=declared,
        surfaces=surfaces,
        witness=WitnessPlace(listen=f"127.0.0.1:{witness}") if witness else None,
    )


@contextmanager
def watching(target: Target, base: Path) -> Iterator[Watcher]:
    """A watcher that looks when it is told to."""
    watcher = Watcher(target, base, Members(target, base))
    watcher.look()
    try:
        yield watcher
    finally:
        watcher.close()
