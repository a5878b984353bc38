"""Names of one zone: queries in, answers out, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.witness.dns import in_zone, question, response

ZONE, ADDRESS = "trip.example", "192.0.2.1"
A, AAAA, TXT, ANY = 1, 28, 16, 255
REFUSED, NOT_IMPLEMENTED, FORMAT = 5, 4, 1


def query(name: str, kind: int = A, *, number: int = 7, flags: int = 0x0100, count: int = 1) -> bytes:
    """A query as a resolver writes it (RFC 1035, 4.1)."""
    head = b"".join(value.to_bytes(2) for value in (number, flags, count, 0, 0, 0))
    labels = b"".join(len(label).to_bytes() + label.encode() for label in name.split("."))
    return head + labels + b"\0" + kind.to_bytes(2) + (1).to_bytes(2)


def test_a_name_of_the_zone_has_the_address() -> None:
    asked = query("abc.Trip.example")

    answer = response(asked, ZONE, ADDRESS)

    assert answer is not None
    assert answer[:2] == asked[:2]
    assert answer[2] & 0x84 == 0x84  # a response, and authoritative
    assert answer[12 : len(asked)] == asked[12:]  # the question, in the case in which it came
    assert answer[-6:] == bytes([0, 4, 192, 0, 2, 1])


def test_an_address_of_the_newer_kind_is_told_to_who_asks_for_one() -> None:
    answer = response(query("abc.trip.example", AAAA), ZONE, "2001:db8::1")

    assert answer is not None
    assert answer.endswith(bytes.fromhex("0010") + bytes.fromhex("20010db8000000000000000000000001"))


@pytest.mark.parametrize(
    ("kind", "address", "records"),
    [(A, ADDRESS, 1), (ANY, ADDRESS, 1), (AAAA, ADDRESS, 0), (TXT, ADDRESS, 0), (A, "", 0), (A, "::1", 0)],
)
def test_the_name_is_there_also_where_it_holds_nothing(kind: int, address: str, records: int) -> None:
    answer = response(query("abc.trip.example", kind), ZONE, address)

    assert answer is not None
    assert answer[3] & 0x0F == 0
    assert int.from_bytes(answer[6:8]) == records


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (query("abc.other.example"), REFUSED),
        (query("nottrip.example"), REFUSED),
        (query("a.trip.example", flags=0x2000), NOT_IMPLEMENTED),
        (query("a.trip.example", count=2), FORMAT),
        (query("a.trip.example")[:-3], FORMAT),
        (query("a.trip.example")[:12] + b"\xc0\x0c\0\1\0\1", FORMAT),
    ],
)
def test_everything_else_is_refused(message: bytes, code: int) -> None:
    answer = response(message, ZONE, ADDRESS)

    assert answer is not None
    assert answer[3] & 0x0F == code
    assert int.from_bytes(answer[6:8]) == 0


@pytest.mark.parametrize("message", [b"", b"\0" * 11, query("a.trip.example", flags=0x8000)])
def test_what_is_no_query_gets_no_answer(message: bytes) -> None:
    assert response(message, ZONE, ADDRESS) is None


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("trip.example", True),
        ("A.TRIP.EXAMPLE.", True),
        ("atrip.example", False),
        ("example", False),
        ("", False),
    ],
)
def test_a_zone_holds_itself_and_what_is_below(name: str, inside: bool) -> None:
    assert in_zone(name, ZONE) is inside


def test_no_zone_holds_nothing() -> None:
    assert not in_zone("", "")
    assert not in_zone("a.example", "")


@given(message=st.binary(max_size=600))
def test_no_message_breaks_the_reader(message: bytes) -> None:
    answer = response(message, ZONE, ADDRESS)

    assert answer is None or len(answer) <= len(message) + 28


@given(label=st.from_regex(r"[a-z0-9]{1,63}", fullmatch=True), kind=st.integers(0, 65535))
def test_what_was_asked_is_read_as_it_was_written(label: str, kind: int) -> None:
    asked = question(query(f"{label}.{ZONE}", kind))

    assert asked is not None
    assert (asked.name, asked.type) == (f"{label}.{ZONE}", kind)
