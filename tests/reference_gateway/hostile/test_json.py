"""JSON that is meant to be read in two ways, or not at all. What is forwarded is what was checked and billed."""

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, NANO, PROMPT_NANO
from tests.reference_gateway.hostile.conftest import Attacked
from tests.reference_gateway.hostile.talking import CHAT, JSON, last_call, said
from tests.reference_gateway.raw_tls import request
from tests.reference_gateway.stub_provider import PROMPT_TOKENS

MESSAGES = b'"messages":[{"role":"user","content":"hello"}]'
ENDPOINTS = ["chat/completions", "completions", "responses", "embeddings", "messages"]


def chat(fields: bytes) -> bytes:
    return b'{"model":"ordinary",' + MESSAGES + b"," + fields + b"}"


def refused_everywhere(patient: Attacked, body: bytes) -> set[int]:
    """The statuses of all billed endpoints and of the admin plane, for any key and for one with a limit."""
    limited = patient.gateway.new_key(1)[1]
    requests = [
        request("POST", f"/v1/{endpoint}", f"authorization: Bearer {key}\r\n{JSON}", body)
        for endpoint in ENDPOINTS
        for key in (patient.key, limited)
    ]
    statuses = {answer.status for one in requests for answer in said(patient.gateway, one)}
    with patient.gateway.admin() as admin:
        headers = {"content-type": "application/json"}
        statuses.add(admin.post("/api/v1/keys", content=body, headers=headers).status_code)
        statuses.add(admin.post("/api/v1/accounts", content=body, headers=headers).status_code)
    return statuses


NO_JSON = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf" + CHAT,
    "UTF-16": CHAT.decode().encode("utf-16"),
    "UTF-32": CHAT.decode().encode("utf-32-le"),
    "invalid UTF-8": chat(b'"user":"\xff"'),
    "an overlong encoding": chat(b'"user":"\xc0\xaf"'),
    "a surrogate in UTF-8": chat(b'"user":"\xed\xa0\x80"'),
    "half a surrogate pair": chat(b'"user":"\\ud800"'),
    "a surrogate pair in the wrong order": chat(b'"user":"\\udc00\\ud800"'),
    "half a surrogate pair in a name": chat(b'"\\ud800":1'),
    "beyond Unicode": chat(b'"user":"\xf4\x90\x80\x80"'),
    "a cut character": chat(b'"user":"\xf0\x9f\x98"'),
    "NUL in a string": chat(b'"user":"a\0b"'),
    "NUL at the end": CHAT + b"\0",
    "a line feed in a string": chat(b'"user":"a\nb"'),
    "NaN": chat(b'"temperature":NaN'),
    "Infinity": chat(b'"temperature":Infinity'),
    "minus Infinity": chat(b'"temperature":-Infinity'),
    "an exponent beyond all bounds": chat(b'"temperature":1e999999'),
    "an exponent of a thousand digits": chat(b'"temperature":1e' + b"9" * 1000),
    "an integer of 5001 digits": chat(b'"seed":' + b"1" * 5001),
    "a leading zero": chat(b'"seed":01'),
    "a plus": chat(b'"seed":+1'),
    "hexadecimal": chat(b'"seed":0x1'),
    "a number that ends in a point": chat(b'"seed":1.'),
    "single quotes": chat(b"'user':'a'"),
    "a comment": chat(b'"user":"a"/**/'),
    "a comma too many": chat(b'"user":"a",'),
    "two values": CHAT + CHAT,
    "an array": b"[" + CHAT + b"]",
    "a string": json.dumps(CHAT.decode()).encode(),
    "10,000 arrays": chat(b'"stop":' + b"[" * 10_000 + b"]" * 10_000),
    "10,000 objects": chat(b'"stop":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "10,000 arrays without an end": chat(b'"stop":' + b"[" * 10_000),
    "half a million arrays": b"[" * 500_000,
    "a hundred thousand arrays side by side": chat(b'"stop":[' + b"[]," * 110_000 + b"[]]"),
    "a hundred thousand objects side by side": chat(b'"stop":[' + b"{}," * 110_000 + b"{}]"),
}


@pytest.mark.parametrize("case", NO_JSON)
def test_what_is_no_json_is_refused_everywhere(patient: Attacked, case: str) -> None:
    seen = len(patient.provider.seen)

    assert refused_everywhere(patient, NO_JSON[case]) <= {400, 413}
    assert len(patient.provider.seen) == seen


ENCODINGS = {
    "gzip": gzip.compress(b" " * 50_000_000),
    "x-gzip": gzip.compress(CHAT),
    "deflate": zlib.compress(CHAT),
    "br": b"\x8b\x0a\x80" + CHAT + b"\x03",
    "zstd": b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00",
    "compress": b"\x1f\x9d\x90",
    "identity, gzip": gzip.compress(CHAT),
    "gzip, identity": gzip.compress(CHAT),
    "": CHAT,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_compressed_is_refused_without_a_look(patient: Attacked, encoding: str) -> None:
    body = ENCODINGS[encoding]
    key, plain = f"authorization: Bearer {patient.key}\r\n{JSON}", "content-encoding: identity\r\n"

    once = said(
        patient.gateway, request("POST", "/v1/embeddings", f"{key}content-encoding: {encoding}\r\n", body)
    )
    twice = said(
        patient.gateway,
        request("POST", "/v1/messages", f"{key}{plain}content-encoding: {encoding}\r\n", body),
    )
    with patient.gateway.admin() as admin:
        headers = {"content-type": "application/json", "content-encoding": encoding}
        managed = admin.post("/api/v1/keys", content=body, headers=headers).status_code

    assert [answer.status for answer in [*once, *twice]] == [415, 415]
    assert managed == 415


@pytest.mark.parametrize(
    ("fields", "name", "forwarded"),
    [
        (b'"max_tokens":100,"max_tokens":3', "max_tokens", 3),
        (b'"max_tokens":3,"max\\u005ftokens":4', "max_tokens", 4),
        (b'"\\u006d\\u0061x_tokens":100,"max_tokens":4', "max_tokens", 4),
        (b'"n":100,"n":1,"max_tokens":2', "n", 1),
        (b'"max_tokens":2,"model":"nobody","model":"ordinary"', "model", "ordinary"),
        (b'"max_tokens":2,"stop":{"a":[{"b":1,"b":2}],"a":[{"b":3,"b":4}]}', "stop", {"a": [{"b": 4}]}),
        (b'"max_tokens":2,"tools":[{"type":"x","type":"function"}]', "tools", [{"type": "function"}]),
        (b'"max_tokens":2,"seed":-0', "seed", 0),
        (b'"max_tokens":2,"seed":18446744073709551616', "seed", 2**64),
        (b'"max_tokens":2,"seed":-0.0', "seed", 0.0),
    ],
)
def test_of_what_is_said_twice_the_provider_hears_what_is_billed(
    patient: Attacked, fields: bytes, name: str, forwarded: Any
) -> None:
    public_id, key = patient.gateway.new_key(1)

    (answer,) = said(patient.gateway, last_call(key, chat(fields)))
    heard = patient.provider.seen[-1]

    assert answer.status == 200
    assert heard.body[name] == forwarded
    assert heard.raw.count(b'"' + name.encode() + b'"') == 1
    assert patient.gateway.account(public_id)["usage"] * NANO == pytest.approx(
        PROMPT_TOKENS * PROMPT_NANO + heard.body["max_tokens"] * COMPLETION_NANO
    )


@pytest.mark.parametrize(
    "fields",
    [
        b'"max_tokens":3,"max_tokens":101',
        b'"max_tokens":3,"max_tokens":-1',
        b'"max_tokens":3,"max_tokens":1e0',
        b'"max_tokens":3,"max_tokens":true',
        b'"max_tokens":3,"max_tokens":"3"',
        b'"max_tokens":3,"max_tokens":99999999999999999999',
        b'"max_tokens":3,"model":"ordinary","model":"nobody"',
        b'"max_tokens":3,"n":1,"n":129',
        b'"max_tokens":3,"stream":true,"stream":1',
        b'"max_tokens":3,"store":false,"store":true',
    ],
)
def test_the_last_word_is_what_counts(patient: Attacked, fields: bytes) -> None:
    seen = len(patient.provider.seen)

    (answer,) = said(patient.gateway, last_call(patient.key, chat(fields)))

    assert answer.status in {400, 404}
    assert len(patient.provider.seen) == seen
