"""Digests of whole requests are found, however their JSON was written again."""

import hashlib
import json

import pytest

from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId
from conformance.scan.bodies import request_texts
from conformance.scan.engine import canary_engine
from conformance.scan.fingerprints import fingerprints
from tests.scan.searching import KEY, scan

MESSAGES = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "what was that?"},
    {"role": "assistant", "content": "a ferry"},
    {
        "role": "user",
        "content": [{"type": "text", "text": "and thät?"}, {"type": "image_url", "image_url": {}}],
    },
]
BODY = {"model": "m", "messages": MESSAGES, "stream": False}
SENT = json.dumps(BODY, indent=1)
CANARY = CanaryId(sequence=4, path="success", field="user", copy=0)
ENGINE = canary_engine(Mint(KEY), prompts=[(CANARY, SENT)])
COMPACT = (",", ":")


@pytest.mark.parametrize(
    "taken",
    [
        SENT,
        json.dumps(BODY),
        json.dumps(BODY, sort_keys=True),
        json.dumps(BODY, separators=COMPACT, ensure_ascii=False),
        json.dumps(BODY, separators=COMPACT, ensure_ascii=False, sort_keys=True),
        json.dumps(MESSAGES),
        json.dumps(MESSAGES, separators=COMPACT, ensure_ascii=False, sort_keys=True),
        "system: be brief\nuser: what was that?\nassistant: a ferry\nuser: and thät?",
        "be brief\nwhat was that?\na ferry\nand thät?",
        "and thät?",
        "be brief\nand thät?",
    ],
)
def test_a_digest_of_a_request_is_found_and_names_its_prompt(taken: str) -> None:
    stored = hashlib.sha256(taken.encode()).hexdigest()

    found, _ = scan(ENGINE, [f"cache:{stored}".encode()])

    assert {one.canary for one in found} == {CANARY}


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ({"input": "a question"}, "a question"),
        ({"prompt": ["one", "two"]}, "two"),
        ({"input": [{"content": "no role"}]}, "no role"),
        ({"messages": None}, ""),
    ],
)
def test_other_endpoints_have_their_prompts_elsewhere(body: object, last: str) -> None:
    assert dict(request_texts(json.dumps(body)))["the last thing that the user said"] == last


@pytest.mark.parametrize("text", ["a prompt", "{no JSON", "{}", '{"a": 1}', "[" * 9, '{"a":' * 100_000])
def test_what_is_no_request_stands_for_itself(text: str) -> None:
    assert list(request_texts(text)) == []


def test_the_digests_of_a_request_are_bounded() -> None:
    assert 300 < len({needle.pattern for needle in fingerprints([(CANARY, SENT)])}) < 1000
