"""Exceptions of the content path hold nothing of what they are about, however one looks at them."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reference_gateway.config_file import Bounds
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.envelope import Envelope, read_envelope
from reference_gateway.content.hold import Hold
from reference_gateway.content.http_answer import HttpAnswer, RefusedAnswerError
from reference_gateway.content.relay import Relay
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, CutError, NothingSentError, Outbound
from reference_gateway.ledger.wire import Endpoint, FrameError, Settle, Standing, read_answer
from reference_gateway.tls_end import TlsEnd
from reference_gateway.web.asgi import Message, Request
from reference_gateway.web.faults import RefusalError
from reference_gateway.web.outlet import Outlet
from tests.reference_gateway.asking import BILLED, LEAST, MODEL
from tests.reference_gateway.leaks.rows import covers
from tests.reference_gateway.leaks.ways.refused import BODIES

WORD = "quokka-29461-heliotrope"


def told(exception: BaseException) -> str:
    """All that can be read off an exception and those that it came of, but for the locals of its frames."""
    parts: list[str] = []
    todo: list[BaseException | None] = [exception]
    while todo:
        one = todo.pop()
        if one is not None:
            todo += [one.__cause__, one.__context__]
            noted = getattr(one, "__notes__", [])
            parts.append(f"{one!r} {one} {one.args!r} {vars(one)!r} {noted!r} {_slots(one)!r}")
    return "\n".join(parts)


def _slots(exception: BaseException) -> list[Any]:
    """Attributes of C types, such as the document that a decoder's error holds."""
    return [getattr(exception, name, None) for name in dir(exception) if not name.startswith("__")]


def with_locals(exception: BaseException) -> str:
    """As a debugger's page or an error reporter would show it, this module's own frames left out."""
    stack = traceback.walk_tb(exception.__traceback__)
    ours = ((frame, line) for frame, line in stack if frame.f_code.co_filename != __file__)
    summary = traceback.StackSummary.extract(ours, capture_locals=True)
    return "\n".join(f"{one.name} {one.locals}" for one in summary)


def raised(body: bytes, endpoint: Endpoint = Endpoint.CHAT) -> RefusalError:
    """Why a body is refused."""
    with pytest.raises(RefusalError) as caught:
        read_envelope(endpoint, Sealed(body), {"m": MODEL}, limited=True)
    return caught.value


def test_the_look_at_exceptions_sees_what_they_hold() -> None:
    with pytest.raises(json.JSONDecodeError) as decoding:
        json.loads(f'{{"{WORD}')
    with pytest.raises(UnicodeDecodeError) as spelling:
        (WORD.encode() + b"\xff").decode()

    assert WORD in told(decoding.value)
    assert WORD in told(spelling.value)


@covers(1, 2, 3)
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("endpoint", BILLED)
def test_refusals_of_bodies_hold_nothing_of_them(name: str, endpoint: Endpoint) -> None:
    body = BODIES[name][0](_Saying())

    exception = raised(body, endpoint)

    assert WORD not in told(exception)


@covers(3)
@pytest.mark.parametrize("endpoint", BILLED)
def test_refusals_of_fields_hold_nothing_of_them(endpoint: Endpoint) -> None:
    body = json.dumps({"model": "m", **LEAST[endpoint], WORD: {WORD: WORD}}).encode()

    exception = raised(body, endpoint)

    assert WORD not in told(exception)


@covers(16)
@pytest.mark.parametrize("data", [WORD.encode(), b'{"a": "' + WORD.encode() + b'\xff"}'])
def test_what_is_no_json_shows_in_no_local_of_the_frames_that_found_out(data: bytes) -> None:
    """What is JSON is decoded, and from there on only the rule helps that nobody renders a traceback."""
    shown = with_locals(raised(data))

    assert "<sealed" in shown
    assert WORD not in shown


@covers(16)
def test_a_fault_on_the_way_to_the_provider_shows_the_size_of_what_was_on_its_way() -> None:
    envelope = _envelope()

    with pytest.raises(KeyError) as caught:
        asyncio.run(_carried(envelope, _Broken()))

    shown = with_locals(caught.value)
    assert "<sealed" in shown
    assert WORD not in shown


FAILURES: dict[str, BaseException] = {
    "nothing was sent": NothingSentError(timed_out=True),
    "the exchange was cut": CutError(timed_out=False),
}


@covers(11, 12)
@pytest.mark.parametrize("failure", FAILURES)
def test_failures_of_the_provider_s_side_have_no_room_for_a_request(failure: str) -> None:
    exception = FAILURES[failure]

    assert exception.args == ()
    assert vars(exception).keys() == {"timed_out"}


@covers(11, 12)
def test_refusals_of_answers_hold_nothing_of_them() -> None:
    answer = HttpAnswer()

    with pytest.raises(RefusedAnswerError) as caught:
        answer.feed(f"{WORD} {WORD}\r\n\r\n".encode())

    assert WORD not in told(caught.value)


@covers(12)
def test_what_came_over_tls_shows_in_no_error_of_it() -> None:
    import ssl

    end = TlsEnd(ssl.create_default_context(), "provider.example")
    end.receive(f"HTTP/1.1 400 {WORD}\r\n\r\n".encode())

    with pytest.raises(ssl.SSLError) as caught:
        end.shake_hands()

    assert WORD not in told(caught.value)


def test_frames_that_make_no_sense_are_not_quoted() -> None:
    with pytest.raises(FrameError) as caught:
        read_answer(WORD.encode().ljust(56))

    assert WORD not in told(caught.value)


class _Saying:
    """Says the word in every field."""

    way = "a way"

    def __call__(self, _field: str, /) -> str:
        return WORD


class _Broken:
    """An upstream with a bug."""

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        answers: dict[Outbound, Answer] = {}
        yield answers[request]

    async def close(self) -> None: ...


class _Settled:
    """Of the ledger only what a hold needs."""

    def settle(self, message: Settle) -> None:
        del message


def _envelope() -> Envelope:
    body = {"model": "m", "messages": [{"role": "user", "content": WORD}], "user": WORD}
    return read_envelope(Endpoint.CHAT, Sealed(json.dumps(body).encode()), {"m": MODEL}, limited=True)


async def _carried(envelope: Envelope, upstream: Any) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None: ...

    request = Request(
        method="POST", path="/v1/chat/completions", query=b"", headers=(), receive=receive, request_id=1
    )
    standing = Standing(1, 1, limited=True)
    relay = Relay(upstream, OpenStreams(), Bounds())
    settled: Any = _Settled()
    await relay.carry(request, Outlet(send, 1), envelope, standing, Hold(settled, 1))
