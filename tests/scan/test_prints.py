"""Fingerprints are searched for in a pass of their own, which may have been compiled before anything else is known."""

import hashlib

from conformance.canary.forms import plain
from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId
from conformance.scan.engine import Engine, Found, canary_engine, compiled
from conformance.scan.patterns import Needle
from conformance.scan.search import Prints, Search
from conformance.scan.tally import Tally

_MINT = Mint(b"a run key of the prints")
_SENT = (CanaryId(sequence=1, path="chat", field="user", copy=0), "what was asked")
_DIGEST = hashlib.sha256(_SENT[1].encode()).hexdigest()


def _found(engine: Engine, data: bytes) -> list[Found]:
    found: list[Found] = []
    engine.scan([data], found.append, Tally())
    return found


def test_what_was_compiled_before_finds_what_is_compiled_with_the_rest() -> None:
    data = f"a cache: {_DIGEST}; and {_MINT.atom('chat', 'user')}".encode()

    together = _found(canary_engine(_MINT, {"id": "some value"}, [_SENT]), data)
    apart = _found(canary_engine(_MINT, {"id": "some value"}, compiled([_SENT])), data)

    assert [one.form for one in together] == ["raw", "sha256 of the prompt, hex"]
    assert apart == together


def test_a_value_that_a_store_must_hold_is_no_fingerprint_however_early_that_was_compiled() -> None:
    prints = compiled([_SENT])
    public = _DIGEST[:16]  # as where a request's public id is a part of that digest

    (found,) = _found(canary_engine(_MINT, {"id": public}, prints), f"id: {public}".encode())

    assert (found.label, found.canary) == ("id", None)
    assert found.form == "raw"


def test_without_fingerprints_there_is_one_pass() -> None:
    needle = Needle(form=plain("needle"), label="it", bare=True)

    hits, whole = Search([needle], Prints(())).look(b"hay needle hay")

    assert (len(hits), whole) == (1, True)
