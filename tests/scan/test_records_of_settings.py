"""What lies beside keys is found however it is kept: in nested settings, or as a file that is nothing but a key."""

import hashlib
import json
import secrets

from conformance.scan.records import records_of_text, settings_of_text


def test_settings_are_found_at_any_depth() -> None:
    document = {"server": {"auth": {"sealing": {"key": "a key"}}, "ports": [1]}, "mode": "live"}

    assert {b"a key", b"live"} <= set(settings_of_text("app.json", json.dumps(document).encode()).fields)


def test_lists_are_no_settings() -> None:
    document = {"keys": [{"id": n, "hash": "what there are many of"} for n in range(100)], "salt": "one"}

    assert settings_of_text("keys.json", json.dumps(document).encode()).fields == (b"salt", b"one")


def test_a_file_that_is_nothing_but_a_key_is_kept_whole() -> None:
    key = secrets.token_bytes(32)

    assert key in settings_of_text("master.key", key).fields


def test_a_list_of_numbers_is_read_as_bytes() -> None:
    digest = hashlib.sha256(b"a key").digest()
    document = json.dumps({"id": "7hT2kQ9pLm1", "hash": list(digest)}).encode()

    (record,) = records_of_text("keys.json", document, [b"7hT2kQ9pLm1"])

    assert digest in record.fields
