"""Streamed answers whose events a log has by turns, since they were served side by side."""

import json
from itertools import zip_longest

import pytest

from conformance.canary.mint import Mint
from conformance.scan import views
from tests.scan.searching import KEY, canaries


def _by_turns(texts: list[str], width: int, line: str) -> bytes:
    """A log of one event after another, each of another stream; `line` has places for the stream's number and its event."""
    streams = [[text[at : at + width] for at in range(0, len(text), width)] for text in texts]
    return "\n".join(
        line.replace("NUMBER", str(number)).replace("EVENT", json.dumps({"delta": {"content": piece}}))
        for pieces in zip_longest(*streams, fillvalue="")
        for number, piece in enumerate(pieces)
    ).encode()


@pytest.mark.parametrize("width", [1, 4, 9])
@pytest.mark.parametrize("streams", [2, 6])
@pytest.mark.parametrize(
    "line",
    [
        'data: {"id": "chatcmpl-NUMBER", "choices": [EVENT]}',
        "2026-01-02T03:04:05Z DEBUG request_id=NUMBER chunk EVENT",
        '{"event_id": "always-the-same", "traceId": "NUMBER", "chunk": EVENT}',
    ],
)
def test_streams_are_told_apart_by_their_ids(streams: int, width: int, line: str) -> None:
    mint = Mint(KEY)
    texts = [f"an answer of some length {mint.atom('answer', 'text')} and its end" for _ in range(streams)]

    found = canaries(mint, _by_turns(texts, width, line))

    assert {canary.sequence for canary in found} == set(range(streams))


@pytest.mark.parametrize("line", ["chunk EVENT", '{"id": "the same", "chunk": EVENT}'])
def test_without_an_id_that_differs_there_is_nothing_to_sort_by(line: str) -> None:
    assert views.streams(_by_turns(["one text", "another"], 2, line)) == []


def test_a_piece_is_found_where_it_lies() -> None:
    log = _by_turns(["abcdef", "ghijkl"], 3, "request_id=NUMBER EVENT")

    (view,) = views.streams(log)

    assert view.data == b"abcdefghijkl"
    assert view.locate(3) == log.index(b"def")
