"""The kill matrix: how the checks of this version fared on gateways with one planted flaw, and on odd but conformant ones.

`make exam` writes its trials, `python -m tests.bench --races` its races; it ships in the package, and every report prints it.
"""

import hashlib
from functools import cache
from importlib import resources

import msgspec

from conformance.model.races import Races

_FILE = "kill_matrix.json"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One twin on one host: which checks were meant to fail, and which did."""

    twin: str
    host: str
    kind: str  # "flawed", "conformant" or "broken"
    meant: tuple[str, ...]
    failed: tuple[str, ...]
    right: bool


class KillMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Every trial of an exam, and how surely races against a limit are seen; None where that was not measured."""

    suite: str = ""
    trials: tuple[Trial, ...] = ()
    races: Races | None = None

    def of(self, check: str) -> str:
        """How one check is proven, in a few words; empty where it was in no trial."""
        caught = [t for t in self.trials if t.kind == "flawed" and check in t.meant and check in t.failed]
        hosts = sorted({t.host for t in caught})
        passed = [t for t in self.trials if t.kind == "conformant" and check not in t.failed]
        if not self.trials:
            return ""
        return f"caught {len(caught)} flawed twins on {len(hosts)} hosts; {len(passed)} conformant variants not failed"

    def sentence(self) -> str:
        """The whole matrix in one sentence."""
        if not self.trials:
            return "this build carries no kill matrix: run `make exam`"
        by_kind = {
            kind: [t for t in self.trials if t.kind == kind] for kind in ("flawed", "conformant", "broken")
        }
        words = {
            "flawed": "flawed twins failed exactly the checks meant for them",
            "conformant": "conformant variants passed",
            "broken": "broken targets stayed inconclusive",
        }
        return "; ".join(
            f"{sum(t.right for t in trials)} of {len(trials)} {words[kind]}"
            for kind, trials in by_kind.items()
            if trials
        )


def matrix_digest() -> str:
    """SHA-256 of the matrix as it ships, in hexadecimal; of nothing where no exam was taken."""
    entry = resources.files("conformance").joinpath(_FILE)
    return hashlib.sha256(entry.read_bytes() if entry.is_file() else b"").hexdigest()


@cache
def kill_matrix() -> KillMatrix:
    """The matrix that ships with this version; empty where no exam was taken."""
    entry = resources.files("conformance").joinpath(_FILE)
    if not entry.is_file():
        return KillMatrix()
    return msgspec.json.decode(entry.read_bytes(), type=KillMatrix)
