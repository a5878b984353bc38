"""The envelope has one spelling, and its statement says what the results say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.evidence.bundle import dsse, statement
from conformance.evidence.bundle.manifest import Tampered
from tests.evidence.bundle.sealing import finished


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=80), st.text("0123456789abcdef", max_size=64))
def test_what_was_put_in_comes_out(payload: bytes, signature: bytes, keyid: str) -> None:
    assert dsse.opened(dsse.written(payload, signature, keyid)) == (payload, signature, keyid)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('{"payload":', '{"payload":"eyB9","payload":'),
        lambda text: text.replace('":"', '": "', 1),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("}]}", '},{"keyid":"b","sig":"eA=="}]}'),
        lambda text: text.replace('[{"keyid":"a","sig":"c2ln"}]', "[]"),
        lambda text: text.replace("in-toto", "other"),
        lambda text: text.replace("c2ln", "c2l"),
        lambda text: text.replace('"keyid":"a",', ""),
        lambda text: text.replace("}]}", '}],"extra":1}'),
        lambda text: "",
    ],
)
def test_any_other_spelling_is_tampering(spoil: Callable[[str], str]) -> None:
    text = dsse.written(b"{}", b"sig", "a").decode()

    with pytest.raises(Tampered):
        dsse.opened(spoil(text).encode())


def test_the_pae_is_that_of_the_dsse_protocol() -> None:
    assert dsse.pae(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def test_a_statement_names_its_files_and_how_the_run_ended(tmp_path: Path) -> None:
    results = finished(tmp_path / "runs").content().results

    said = json.loads(statement.stated(results, {"SHA256SUMS": "a" * 64}, {"gateproof": "b" * 64}))

    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["subject"] == [{"name": "SHA256SUMS", "digest": {"sha256": "a" * 64}}]
    assert said["predicate"]["result"] == "WARNED"  # undecided is no pass
    assert said["predicate"]["warnedTests"]
    assert said["predicate"]["configuration"] == [{"name": "gateproof", "digest": {"sha256": "b" * 64}}]


def test_a_statement_that_vouches_for_no_manifest_is_refused(tmp_path: Path) -> None:
    results = finished(tmp_path / "runs").content().results

    with pytest.raises(Tampered, match="does not vouch for SHA256SUMS"):
        statement.read(statement.stated(results, {"results.json": "a" * 64}, {}))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"_type":"x"}'])
def test_what_is_no_statement_is_refused(payload: bytes) -> None:
    with pytest.raises(Tampered):
        statement.read(payload)
