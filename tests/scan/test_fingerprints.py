"""Digests of exact prompts are found, and name the prompt."""

import base64
import gzip
import hashlib
import json

import pytest

from conformance.canary.mint import Mint
from conformance.model.archive import PromptSent
from conformance.model.storage import CanaryId
from conformance.scan.engine import canary_engine
from conformance.scan.fingerprints import fingerprints, searched_for, xxh64
from tests.scan.searching import KEY, scan
from tests.scan.texts import prompt

PROMPTS = {
    CanaryId(sequence=number, path="success", field="user", copy=0): prompt(Mint(KEY), 20, number)
    for number in range(3)
}
ENGINE = canary_engine(Mint(KEY), prompts=PROMPTS.items())
TEXT = PROMPTS[CanaryId(sequence=1, path="success", field="user", copy=0)]


@pytest.mark.parametrize(
    "stored",
    [
        b"cache:" + hashlib.sha256(TEXT.encode()).hexdigest().encode(),
        hashlib.md5(TEXT.encode(), usedforsecurity=False).hexdigest().upper().encode(),
        b"\0" + hashlib.sha512(TEXT.encode()).digest()[:20],
        base64.b64encode(b"1" + hashlib.sha1(TEXT.encode(), usedforsecurity=False).digest()),
        base64.urlsafe_b64encode(hashlib.sha3_256(TEXT.strip().encode()).digest()),
        xxh64(TEXT.encode()).hex().encode(),
        gzip.compress(hashlib.blake2b(TEXT.lower().encode()).hexdigest().encode()),
        hashlib.sha256(json.dumps([{"role": "user", "content": TEXT}]).encode()).hexdigest()[:16].encode(),
    ],
)
def test_a_digest_is_found_and_names_its_prompt(stored: bytes) -> None:
    found, _ = scan(ENGINE, [b"before " + stored + b" after"])

    assert {one.canary.sequence for one in found if one.canary} == {1}


@pytest.mark.parametrize(
    "stored",
    [
        hashlib.sha256(b"somebody else's prompt").hexdigest().encode(),
        hashlib.sha256(b"salt" + TEXT.encode()).hexdigest().encode(),
        hashlib.sha256(TEXT.encode()).hexdigest()[:15].encode(),
    ],
)
def test_other_digests_salted_and_cut_ones_are_not(stored: bytes) -> None:
    assert scan(ENGINE, [stored])[0] == []


def test_digests_of_different_prompts_differ() -> None:
    patterns = [needle.pattern for needle in fingerprints(PROMPTS.items())]

    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        # From the xxHash specification's reference implementation.
        (b"", "ef46db3751d8e999"),
        (b"a", "d24ec4f1a98c6e5b"),
        (b"abc", "44bc2cf5ad770999"),
    ],
)
def test_xxh64_is_what_its_reference_computes(data: bytes, digest: str) -> None:
    assert xxh64(data).hex() == digest


def test_of_many_prompts_those_of_the_first_requests_are_searched_for_with_their_bodies() -> None:
    canaries = [CanaryId(sequence=n, path="success", field="user", copy=0) for n in range(3)]
    sent = [PromptSent(canary=canary, text="a prompt") for canary in canaries]
    sent += [PromptSent(canary=canary, text='{"a": "body"}') for canary in canaries]
    sent += [PromptSent(canary=canaries[0], text="too long" * 10_000)]

    assert searched_for(sent, 3) == [
        (canaries[0], "a prompt"),
        (canaries[0], '{"a": "body"}'),
        (canaries[1], "a prompt"),
    ]
    assert len(searched_for(sent)) == 6
