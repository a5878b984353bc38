"""HTTP/2 in clear text as bytes: what is asked, and what is read of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.h2c import H2cAnswer, h2c_request, read_h2c, speaks_h2

SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_HEADERS, _DATA, _GOAWAY = 1, 0, 7


def frame(kind: int, flags: int, payload: bytes, stream: int = 1) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"\x88", 200),
        (b"\x8d", 404),
        (b"\x48\x03308", 308),
        (b"\x08\x03401", 401),
        (b"\x18\x03401", 401),
        # RFC 7541, C.6.1: 302 in Huffman code; with a new table size before it.
        (b"\x48\x82\x64\x02", 302),
        (b"\x3f\xe1\x1f\x48\x82\x64\x02", 302),
        (b"\x20\x88", 200),
        (b"\x82", 0),
        (b"\x48\x03abc", 0),
        (b"\x48\x0340", 0),
        (b"", 0),
    ],
)
def test_the_status_is_read_in_every_way_to_write_it(block: bytes, status: int) -> None:
    read = read_h2c(SETTINGS + frame(_HEADERS, 0x5, block))

    assert read == H2cAnswer(status=status, body=b"", ended=True)


def test_an_interim_answer_is_passed_over_and_padding_is_no_body() -> None:
    answer = frame(_HEADERS, 0x4, b"\x48\x03103") + frame(_HEADERS, 0x4, b"\x88")
    body = frame(_DATA, 0x8, b"\x02{}..") + frame(_DATA, 0x1, b"!")

    assert read_h2c(SETTINGS + answer + body) == H2cAnswer(status=200, body=b"{}!", ended=True)


def test_a_goodbye_ends_the_wait() -> None:
    assert read_h2c(SETTINGS + frame(_GOAWAY, 0, bytes(8), 0)).ended


def test_another_stream_is_no_answer() -> None:
    assert read_h2c(SETTINGS + frame(_HEADERS, 0x5, b"\x88", 2)).status == 0


def test_a_request_is_preface_settings_and_headers() -> None:
    sent = h2c_request("http://host:81/base", "/v1/models", {"Authorization": "Bearer " + "k" * 300})

    assert sent.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
    assert b"/base/v1/models" in sent
    assert b"authorization" in sent
    assert b"\x7f\xb4\x01Bearer kkk" in sent  # 307 bytes: 127 and 180 in groups of seven bits (RFC 7541, 5.1)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    read = read_h2c(SETTINGS + data)

    assert speaks_h2(SETTINGS + data)
    assert read.status == 0 or 200 <= read.status <= 999
