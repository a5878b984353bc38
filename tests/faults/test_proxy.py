"""The road and its weather: what each kind of trouble looks like to the two ends."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests.faults.proxy import Road, road
from tests.faults.weather import CLEAR, KINDS, Kind, Weather, draw, fate

_HELLO = b"x" * 1000


@contextmanager
def _parrot() -> Iterator[int]:
    """A server that sends back what it is sent, and ends when its peer ends; its port."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=_repeat, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def _repeat(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


def _sure(kind: Kind, *, after: int = 0) -> Weather:
    return Weather(kinds=(kind,), chance=1.0, most_bytes=after, seconds=0.01)


def _heard(way: Road, patience: float = 5.0) -> bytes | type[OSError]:
    """What comes back over a road until its end, or the error that ended it."""
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", way.port), timeout=patience) as connection:
            connection.sendall(_HELLO)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                received += data
    except OSError as trouble:
        return type(trouble)
    return received


def test_on_a_clear_road_every_byte_arrives() -> None:
    with _parrot() as port, road(port, CLEAR, seed=1) as way:
        assert _heard(way) == _HELLO
        assert (way.connections, way.hit) == (1, 0)


def test_a_delay_loses_nothing() -> None:
    with _parrot() as port, road(port, _sure("delay"), seed=1) as way:
        assert _heard(way) == _HELLO


def test_a_dropped_connection_carries_nothing() -> None:
    with _parrot() as port, road(port, _sure("drop"), seed=1) as way:
        assert {_heard(way) for _ in range(8)} <= {b"", ConnectionResetError, BrokenPipeError, OSError}
        assert way.hit == 8


def test_garbage_comes_before_the_answer() -> None:
    with _parrot() as port, road(port, _sure("garbage"), seed=1) as way:
        heard = _heard(way)

    assert isinstance(heard, bytes)
    assert heard.endswith(_HELLO)
    assert len(heard) > len(_HELLO)


# A reset may come before we end our side, which then is not connected any more.
@pytest.mark.parametrize(
    ("kind", "ends"), [("cut", {ConnectionResetError, BrokenPipeError, OSError}), ("stall", {TimeoutError})]
)
def test_a_cut_resets_and_a_stall_is_silent(kind: Kind, ends: set[type[OSError]]) -> None:
    with _parrot() as port, road(port, _sure(kind), seed=1) as way:
        assert _heard(way, patience=0.3) in ends


def test_a_half_closed_answer_ends_early_and_in_order() -> None:
    with _parrot() as port, road(port, _sure("half-close", after=500), seed=3) as way:
        heard = _heard(way)

    assert isinstance(heard, bytes)
    assert len(heard) < len(_HELLO)


def test_calm_clears_the_weather_for_new_connections() -> None:
    with _parrot() as port, road(port, _sure("cut"), seed=1) as way:
        way.calm()

        assert _heard(way) == _HELLO


def test_the_same_seed_gives_the_same_fates() -> None:
    weather = draw(random.Random(5), *KINDS)

    first, second = ([fate(weather, random.Random(f"9 {n}")) for n in range(50)] for _ in range(2))

    assert first == second
