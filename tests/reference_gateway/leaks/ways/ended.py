"""Ways on which the gateway's processes end, or a key does, in the middle of calls."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from tests.reference_gateway.everyway import CHAT, ENDPOINTS, Campaign, Outcome
from tests.reference_gateway.leaks.ways.answered import Way
from tests.reference_gateway.raw_tls import end_of, open_connection

BLOWS: Final = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)


def ways() -> Iterator[Way]:
    """One after the other. Killed workers tell nothing more than they told."""
    yield "a key revoked in a stream", _revoked, Outcome(200, "KEY_REVOKED")
    yield "workers replaced in a stream", _replaced, Outcome(200)
    # The dialer first, because its successor is younger than the ledger is.
    yield "the dialer killed in a stream", partial(_orphaned, which=1), Outcome(200)
    yield "the ledger killed in a stream", partial(_orphaned, which=0), Outcome(200)
    for blow in BLOWS:
        yield f"workers killed in a stream, {blow.name}", partial(_killed, blow=blow), Outcome(200)
    yield "a stop in a stream", _stopped, Outcome(200)


@contextmanager
def _streaming(campaign: Campaign, way: str, key: str = "limited") -> Iterator[Callable[[], None]]:
    """Inside, a stream has begun on every endpoint that has any, and half a body has come on another connection.

    What is yielded reads the chat's stream to its end.
    """
    campaign.stub.released.clear()
    with ExitStack() as stack:
        half = stack.enter_context(open_connection(campaign.gateway))
        half.sendall(campaign.request(f"{way}, half", CHAT)[:-20])
        opened = []
        for endpoint in (one for one in ENDPOINTS if one.streams):
            name = way if endpoint is CHAT else f"{way}, {endpoint.name}"
            tls = stack.enter_context(open_connection(campaign.gateway))
            tls.sendall(campaign.request(name, endpoint, "held", stream=True, key=key))
            opened.append((tls, tls.recv(65536)))
        tls, begun = opened[0]
        yield lambda: campaign.arrived(way, begun + end_of(tls))
        campaign.stub.released.set()


def _revoked(campaign: Campaign, way: str) -> None:
    with _streaming(campaign, way, "passing") as finish:
        campaign.revoke("passing")
        finish()


def _replaced(campaign: Campaign, way: str) -> None:
    before = campaign.workers()
    with _streaming(campaign, way) as finish:
        campaign.gateway.process.send_signal(signal.SIGHUP)
        campaign.await_workers(instead_of=before)
        campaign.stub.released.set()
        finish()
    campaign.await_end(of=before)


def _orphaned(campaign: Campaign, way: str, *, which: int) -> None:
    """The workers run on what they began, while others take their place."""
    before = campaign.workers()
    with _streaming(campaign, way) as finish:
        os.kill(campaign.others()[which], signal.SIGKILL)
        campaign.await_workers(instead_of=before)
        campaign.stub.released.set()
        finish()
    campaign.await_end(of=before)


def _killed(campaign: Campaign, way: str, *, blow: signal.Signals) -> None:
    before = campaign.workers()
    with _streaming(campaign, way) as finish:
        for pid in before:
            os.kill(pid, blow)
        campaign.killed |= before
        finish()
    campaign.await_workers(instead_of=before)


def _stopped(campaign: Campaign, way: str) -> None:
    with _streaming(campaign, way) as finish:
        campaign.gateway.process.send_signal(signal.SIGTERM)
        campaign.await_event("stopping")
        campaign.stub.released.set()
        finish()
