"""What happens after the looking: scanning bytes, judging evidence, rendering a report."""

import random
import time
from collections.abc import Iterator

import msgspec

from conformance.audit import reassess
from conformance.canary.mint import Mint
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.scan.engine import CHUNK, canary_engine
from conformance.scan.tally import Tally
from reports.html import render
from tests.bench.measure import measurement, median_seconds
from tests.bench.recorded import recorded

_PIECES = 128
_SEED = 20_26


@measurement(
    "scan.raw_mb_s",
    unit="MB/CPU-s",
    target=150,
    better="higher",
    how="128 MB: a quarter each of JSON log lines, prose, random bytes and half-empty pages; all forms of one run's canaries",
)
def scan_speed() -> float:
    """Raw bytes per second of processor time; what is decoded on the way is not counted."""
    engine, tally = canary_engine(Mint(bytes(32))), Tally()
    pieces = list(_mixed())  # made beforehand: only the scan is measured
    found: list[object] = []
    began = time.process_time()
    engine.scan(pieces, found.append, tally)
    return tally.raw / 1e6 / (time.process_time() - began)


def _mixed() -> Iterator[bytes]:
    source = random.Random(_SEED)
    for number in range(_PIECES):
        yield _KINDS[number % len(_KINDS)](source)


def _log_lines(source: random.Random) -> bytes:
    line = '{"event":"request","route":"chat","status":200,"milliseconds":%d,"request":"%s"}\n'
    lines = (line % (source.randrange(900), source.randbytes(16).hex()) for _ in range(CHUNK // 90))
    return "".join(lines).encode().ljust(CHUNK, b"\n")


def _prose(source: random.Random) -> bytes:
    words = [source.randbytes(source.randint(1, 4)).hex() for _ in range(500)]
    text = " ".join(source.choice(words) for _ in range(CHUNK // 4)).encode()
    return text[:CHUNK]


def _noise(source: random.Random) -> bytes:
    return source.randbytes(CHUNK)


def _pages(source: random.Random) -> bytes:
    return b"".join(source.randbytes(2048) + bytes(2048) for _ in range(CHUNK // 4096))


_KINDS = (_log_lines, _prose, _noise, _pages)


@measurement(
    "judge.s", unit="s", target=1, better="lower", how="judge and assess a recorded demo, median of 5"
)
def judge_seconds() -> float:
    """From recorded evidence to results.json, written."""
    folder = RunFolder(recorded().run)
    return median_seconds(lambda: reassess(folder))


@measurement(
    "report.render_s", unit="s", target=1, better="lower", how="render the HTML report of a demo, median of 5"
)
def render_seconds() -> float:
    """From results.json to HTML in memory."""
    results = msgspec.json.decode((recorded().run / "results.json").read_bytes(), type=Results)
    return median_seconds(lambda: render(results))
