"""Short ways to run the engine over bytes."""

from collections.abc import Iterable

from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId, Coverage
from conformance.scan.engine import Engine, Found, canary_engine
from conformance.scan.tally import Tally

KEY = b"a run key of the test"


def scan(engine: Engine, chunks: Iterable[bytes]) -> tuple[list[Found], Coverage]:
    """Everything found in one item, and the ledger."""
    found: list[Found] = []
    tally = Tally()
    engine.scan(chunks, found.append, tally, "item")
    return found, tally.coverage()


def canaries(mint: Mint, data: bytes) -> list[CanaryId]:
    """The verified canaries in some bytes."""
    return [found.canary for found in scan(canary_engine(mint), [data])[0] if found.canary]
