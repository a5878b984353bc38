"""The load that the gateway's measurements rest on, against its own provider."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.bench.gateway_client import Connection, Server, begun, whole
from tests.bench.gateway_load import calls, in_turn, latencies, memory_of_open_streams, streams
from tests.bench.gateway_processes import cpu_seconds, memory
from tests.bench.gateway_provider import Pace, Provider, provider

_BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True); input()"
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BUSY!r}], check=True)"


class _Deaf(asyncio.Transport):
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """To nobody."""


def _straight_to(source: Provider) -> Server:
    return Server(source.port, source.authority, "no key", process=os.getpid())


@pytest.mark.parametrize(
    ("received", "is_whole"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_whole_when_its_framing_says_so(received: bytes, is_whole: bool) -> None:
    assert whole(received) is is_whole


def test_a_stream_has_begun_with_its_first_event() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

    assert not begun(head)
    assert begun(head + b"9\r\ndata: {}\n")


def test_calls_are_answered_round_by_round() -> None:
    with provider() as source:
        server = _straight_to(source)
        rounds = in_turn({"straight": server}, lambda one: calls(one, 0.05), 2)

        assert [one.answers > 0 for one in rounds["straight"]] == [True, True]
        assert len(latencies(server, 3)) == 3


def test_streams_are_read_to_their_ends() -> None:
    with provider(Pace(events=3, interval=0.001)) as source:
        assert streams(_straight_to(source), 4, 0.001).answers == 4


def test_silent_streams_stay_open_while_memory_is_read() -> None:
    with provider(Pace(events=2, interval=3600)) as source:
        assert memory_of_open_streams(_straight_to(source), 4).rss > 0


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}", "refused"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", "ended within"),
    ],
)
def test_an_answer_that_is_not_a_whole_200_is_a_fault(answer: bytes, fault: str) -> None:
    async def ask() -> None:
        connection = Connection(whole)
        connection.connection_made(_Deaf())
        answered = connection.ask(b"")
        connection.data_received(answer)
        connection.connection_lost(None)
        await answered

    with pytest.raises(RuntimeError, match=fault):
        asyncio.run(ask())


def test_what_children_use_counts_for_the_server() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        used, held = cpu_seconds(parent.pid), memory(parent.pid)
        parent.communicate(b"\n")

    assert used >= 0.2
    assert held.pss is None or 0 < held.pss <= held.rss
