"""Records are cut out of what passes by on its way into the scan, which gets every byte of it."""

import json
from collections.abc import Iterator

import pytest

from conformance.collectors.passing_records import PassingRecords
from conformance.collectors.streams import Item, UnreadableError

_OF_ANOTHER = b'{"id": "somebody else", "hash": "00"}\n'


def _passed(*chunks: bytes, trouble: bool = False) -> tuple[PassingRecords, bytes]:
    def opened() -> Iterator[bytes]:
        yield from chunks
        if trouble:
            raise UnreadableError("it broke off")

    records, arrived = PassingRecords({"k1": (b"public-one",), "k2": (b"public-two",)}), b""
    for item in records.watch([Item(name="keys", open=opened)]):
        assert isinstance(item, Item)
        try:
            for chunk in item.open():
                arrived += chunk
        except UnreadableError:
            arrived += b" and no more"
    return records, arrived


def test_a_record_in_the_midst_of_much_is_found_for_its_key_and_everything_passes() -> None:
    much = _OF_ANOTHER * (1 << 19)  # more than is held at once
    records, arrived = _passed(much, b'{"id": "public-one", "hash": "0f"}\n', much)

    assert arrived.count(b"\n") == (1 << 20) + 1
    assert {field for record in records.found["k1"] for field in record.fields} == {
        *(b"id", b"public-one", b"hash", b"0f")
    }
    assert records.found["k2"] == []


def test_what_came_before_trouble_counts() -> None:
    records, arrived = _passed(b'{"id": "public-two", "salt": "aa"}\n', trouble=True)

    assert arrived.endswith(b" and no more")
    assert any(b"aa" in record.fields for record in records.found["k2"])


@pytest.mark.parametrize("document", [True, False], ids=["one document", "lines"])
def test_a_name_behind_escapes_is_read_where_a_document_holds_it(document: bool) -> None:
    row = json.dumps({"id": "public-one", "salt": "aa"}).replace("public", "publi\\u0063")
    records, _ = _passed(f"[{row}]".encode() if document else f"{row}\n{row}\n".encode())

    assert bool(records.found["k1"]) is document


def test_settings_that_stand_in_a_document_without_any_key_lie_beside() -> None:
    records, _ = _passed(b'{"pepper": "p3pp3r", "keys": []}')

    assert [record.fields for record in records.beside] == [(b"pepper", b"p3pp3r")]
