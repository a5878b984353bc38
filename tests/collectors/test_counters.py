"""A metrics endpoint is proven to count this run, or its silence proves nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.collectors.counters import sums
from conformance.collectors.surfaces import surfaces_scanned
from conformance.collectors.watching import watching
from conformance.model.storage import ScannedSurface
from conformance.session import Session
from conformance.target import Surface
from tests.collectors.auditing import session_over
from tests.collectors.http_server import Desk, http_server

_LABELS = b'{path="/v1/chat}\\"{",status="200"}'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with http_server(tmp_path / "tls", Desk()) as serving:
        yield serving


def scanned(desk: Desk, tmp_path: Path, *, sent: int, rose: int) -> ScannedSurface:
    """A surface after requests were sent, and a counter of its rose."""
    surface = Surface(kind="prometheus", locator=desk.url("/stats"), ca_file="tls/ca.pem")
    count = [100]
    desk.answers["/stats"] = lambda: (200, b"calls_total%b %d 1700000000\n" % (_LABELS, count[0]))

    async def run(session: Session) -> ScannedSurface:
        async with watching(session):
            count[0] += rose
            for _ in range(sent):
                await session.meter.admit()
            return (await surfaces_scanned(session)).surfaces[0]

    with session_over(tmp_path, surface) as session:
        session.mint.atom("success", "user")
        return asyncio.run(run(session))


@pytest.mark.parametrize(
    ("sent", "rose", "proven"),
    [(20, 20, True), (20, 25, True), (20, 19, False), (20, 0, False), (3, 3, False)],
)
def test_an_endpoint_that_counted_the_requests_is_proven(
    desk: Desk, tmp_path: Path, sent: int, rose: int, proven: bool
) -> None:
    surface = scanned(desk, tmp_path, sent=sent, rose=rose)
    assert surface.proven() is proven
    assert surface.coverage.deciding_gaps() == ()


def test_samples_are_summed_over_labels() -> None:
    text = (
        b"# HELP calls_total calls\n# TYPE calls_total counter\n"
        b"calls_total%b 3\ncalls_total{} 4 # {trace_id=\"a b\"} 1.0\nup 1\nlatency_sum 1.5e2\nodd NaN\n# EOF\n" % _LABELS
    )  # fmt: skip
    assert sums(text) == {b"calls_total": 7.0, b"up": 1.0, b"latency_sum": 150.0}
