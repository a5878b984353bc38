"""What is seen of a gateway that keeps answers, and of one that does not."""

import json
import re
from collections.abc import Callable

from conformance.model.egress import KeptAnswers
from conformance.probes.caches import kept_answers
from tests.probes.egress.conftest import Play
from tests.probes.egress.passing import Called, Passing


def _question(called: Called) -> str:
    body = json.loads(called.body)
    return str(body["messages"][-1]["content"] if "messages" in body else body["input"])


def _kept(seen: KeptAnswers, scope: str) -> set[str]:
    return {
        repeat.how
        for repeat in seen.repeats
        if repeat.scope == scope and (repeat.given_again or not repeat.reached)
    }


def test_calls_that_are_all_made_are_all_reached(play: Play[KeptAnswers]) -> None:
    seen = play(Passing(), kept_answers)

    assert (seen.keys, seen.owner) == (2, "user")
    assert all(repeat.served and repeat.reached and not repeat.given_again for repeat in seen.repeats)
    assert {repeat.scope for repeat in seen.repeats} == {"one key", "two keys"}
    assert (seen.headers, seen.telling) == (2, ())
    assert {"an embedding", "in other words", "the same, at the same time"} <= {r.how for r in seen.repeats}


def _words(called: Called) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", _question(called).lower()))


def test_a_cache_of_its_own_for_each_key_crosses_nothing(play: Play[KeptAnswers]) -> None:
    seen = play(Passing(place=lambda called: (called.key, called.path, _words(called))), kept_answers)

    assert not _kept(seen, "two keys")
    assert {"in capitals", "with more blanks", "without punctuation", "an embedding"} <= _kept(
        seen, "one key"
    )
    assert "in other words" not in _kept(seen, "one key")


def test_a_cache_for_all_gives_one_keys_answers_to_another(play: Play[KeptAnswers]) -> None:
    seen = play(Passing(place=lambda called: (called.path, called.body)), kept_answers)

    assert {"the same", "a stream", "an embedding"} <= _kept(seen, "two keys")
    assert "with one word replaced" not in _kept(seen, "two keys")


def test_an_idempotency_key_that_anybody_may_present_is_seen(play: Play[KeptAnswers]) -> None:
    seen = play(Passing(place=lambda called: called.headers.get("idempotency-key")), kept_answers)

    named = "with the same idempotency key"
    assert _kept(seen, "two keys") == {f"the same {named}"}
    assert _kept(seen, "one key") == {f"the same {named}", f"another prompt {named}"}


def test_one_key_alone_is_asked_what_one_key_can_show(play: Callable[..., KeptAnswers]) -> None:
    seen = play(Passing(), kept_answers, keys=False)

    assert seen.keys == 1
    assert {repeat.scope for repeat in seen.repeats} == {"one key"}
