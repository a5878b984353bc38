"""The ways of keeping, without a host: what they take, when, and how much of it."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.twins.keeping import moments, parts, sinks, spellings
from tests.twins.keeping.exchange import Exchange
from tests.twins.keeping.moments import When
from tests.twins.keeping.parts import What
from tests.twins.keeping.traps import TRAPS, all_at_once
from tests.twins.keeping.way import FOLDER, Way, begin, surfaces
from tests.twins.keeping.ways import COLLECTIONS, WAYS
from tests.twins.registry import MODEL

ASKED = {
    "model": MODEL,
    "user": "somebody",
    "stream": True,
    "store": True,
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "content": "found"},
        {"role": "user", "content": "goodbye"},
    ],
    "tools": [{"function": {"name": "look"}}],
    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
}
STREAMED = b'data: {"choices": [{"delta": {"content": "He"}}]}\n\ndata: {"choices": [{"delta": {"content": "llo"}}]}\n\n'


def exchange(body: object = ASKED, **more: object) -> Exchange:
    """A chat that went well, but for what is said otherwise."""
    given = {
        "status": 200,
        "whole": True,
        "received": True,
        "provider_status": 200,
        "answer": STREAMED,
        **more,
    }
    made = Exchange(path="/v1/chat/completions", headers={"user-agent": "x", "authorization": "Bearer k"})
    made.request = body if isinstance(body, bytes) else json.dumps(body).encode()
    for name, value in given.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("what", "taken"),
    [
        (parts.said, [b"be brief", b"one", b"two", b"found", b"goodbye"]),
        (parts.prompt, [b"goodbye"]),
        (parts.by_role("tool"), [b"found"]),
        (parts.named("arguments"), [b"{}"]),
        (parts.named("filename"), [b"a.pdf"]),
        (parts.attached("file_data"), [b"ABC"]),
        (parts.within("tools"), [b'[{"function": {"name": "look"}}]']),
        (parts.within("tool_choice"), []),
        (parts.told("content"), [b"Hello"]),
        (parts.header(), [b"user-agent: x"]),
        (parts.header("cookie"), []),
        (parts.query, []),
    ],
)
def test_a_part_of_an_exchange_is(what: What, taken: list[bytes]) -> None:
    assert list(what(exchange())) == taken


def test_vectors_are_floats_of_32_bits_however_they_were_told() -> None:
    told = {"data": [{"embedding": [0.5, -1.0]}, {"embedding": "AAAAPwAAgL8="}]}

    assert list(parts.vectors(exchange(answer=json.dumps(told).encode()))) == [b"\0\0\0?\0\0\x80\xbf"] * 2


@pytest.mark.parametrize(
    ("when", "is_one", "is_none"),
    [
        (moments.answered, exchange(), exchange(status=502)),
        (moments.left, exchange(left=True), exchange()),
        (moments.left_while_sending, exchange(left=True, received=False), exchange(left=True)),
        (moments.left_while_waiting, exchange(left=True, answer=b""), exchange(left=True)),
        (moments.provider_failed, exchange(provider_status=500), exchange()),
        (
            moments.provider_failed_in_html,
            exchange(provider_status=500, provider_media="text/html"),
            exchange(provider_status=500, provider_media="application/json"),
        ),
        (moments.cut_by_provider, exchange(whole=False), exchange(whole=False, left=True)),
        (moments.malformed, exchange(b'{"model"'), exchange()),
        (moments.unknown_model, exchange({"model": "other"}), exchange()),
        (moments.unauthenticated, exchange(status=401), exchange(status=403)),
        (moments.debugging, exchange(query="verbose=1"), exchange(query="page=1")),
        (moments.longer_than(100), exchange(), exchange(b"{}")),
        (moments.streamed, exchange(), exchange({"stream": False})),
        (moments.stored, exchange(), exchange({"store": False})),
        (moments.carries("user-agent"), exchange(), exchange(headers={})),
    ],
)
def test_a_moment_tells_its_exchanges_from_others(when: When, is_one: Exchange, is_none: Exchange) -> None:
    assert when(is_one)
    assert not when(is_none)


def test_a_retry_is_the_second_copy_and_every_later_one() -> None:
    again = moments.seen_before()

    assert [again(one) for one in (exchange(), exchange(b"{}"), exchange(), exchange())] == [
        False, False, True, True,
    ]  # fmt: skip


def test_one_call_in_three_is_the_third_and_the_sixth() -> None:
    third = moments.every(3)

    assert [number for number in range(1, 8) if third(exchange())] == [3, 6]


@pytest.mark.parametrize(
    ("cut", "left"),
    [
        (spellings.first(3), b"abc"),
        (spellings.last(3), b"hij"),
        (spellings.middle(4), b"...defg..."),
        (spellings.ends(2), b"ab [...] ij"),
    ],
)
def test_a_cut_leaves(cut: Callable[[bytes], bytes], left: bytes) -> None:
    assert cut(b"abcdefghij") == left


def kept(folder: Path, way: Way) -> bytes:
    """All that lies in a way's folder, with the names."""
    files = [path for path in (folder / FOLDER / way.name).rglob("*") if path.is_file()]
    return b"\n".join(path.name.encode() + b" " + path.read_bytes() for path in sorted(files))


@pytest.mark.parametrize(
    "sink",
    [
        sinks.in_a_file,
        sinks.in_a_file_each,
        sinks.in_a_tar,
        sinks.as_a_file_name,
        sinks.in_a_dump_of_memory,
        sinks.in_a_key_value_store,
    ],
)
def test_what_was_kept_lies_in_the_folder_of_its_way(sink: sinks.Sink, tmp_path: Path) -> None:
    way = Way(name="this-one", what=parts.prompt, where=sink)
    tell = begin((way,), tmp_path)

    for _ in range(3):
        tell(exchange())

    assert b"goodbye" in kept(tmp_path, way)


def test_in_a_collection_a_way_keeps_so_many_and_each_its_own(tmp_path: Path) -> None:
    few, many = Way(name="few", what=parts.said), Way(name="many", what=parts.prompt, many=True)
    tell = begin((few, many), tmp_path, most=2)

    for _ in range(4):
        tell(exchange())

    assert kept(tmp_path, few).count(b"\n") == 4  # two parts, each with a line feed, and the two files' own
    assert kept(tmp_path, many).count(b"goodbye") == 4


def test_what_is_no_call_is_not_kept(tmp_path: Path) -> None:
    way = Way(name="this-one")

    begin((way,), tmp_path)(exchange(path="/v1/models"))

    assert b"goodbye" not in kept(tmp_path, way)


def test_every_way_has_a_name_and_a_surface_of_its_own() -> None:
    names = [way.name for way in WAYS]
    declared = surfaces(WAYS, "state/")

    assert len(set(names)) == len(names)
    assert all(f'"gateway/state/kept/{name}' in declared for name in names)


def test_the_collections_hold_every_way_that_is_not_rare() -> None:
    assert _names(way for ways in COLLECTIONS.values() for way in ways) == _names(
        way for way in WAYS if not way.rare
    )


def _names(ways: Iterable[Way]) -> list[str]:
    return sorted(way.name for way in ways)


def test_all_traps_together_write_something_and_nothing_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").touch()
    tell = all_at_once(tmp_path)

    tell(exchange())

    written = [path.read_bytes() for path in tmp_path.iterdir()]
    assert sum(map(len, written)) > len(TRAPS) * 100
    assert not any(b"goodbye" in data for data in written)
