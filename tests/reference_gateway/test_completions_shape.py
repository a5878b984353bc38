from typing import Any

import pytest

from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault
from tests.reference_gateway.asking import forwarded, read, refusal
from tests.reference_gateway.streaming import DONE, event, played, whole

COMPLETIONS = Endpoint.COMPLETIONS


@pytest.mark.parametrize("prompt", ["a", "", ["a", ""], [1, 2], [[1], [2, 3]]])
def test_a_prompt_is_text_or_ids_one_or_many(prompt: Any) -> None:
    assert forwarded(read(COMPLETIONS, {"prompt": prompt}))["prompt"] == prompt


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({}, 16),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "n": 3}, 15),
        ({"max_tokens": 5, "n": 2, "best_of": 3}, 15),
        ({"max_tokens": 5, "n": 3, "best_of": 2}, 15),
        ({"max_tokens": 5, "prompt": ["a", "b"]}, 10),
        ({"max_tokens": 5, "prompt": [[1, 2], [3], [4]], "best_of": 2}, 30),
        ({"max_tokens": 5, "prompt": [1, 2, 3]}, 5),
        ({"max_tokens": 5, "echo": True, "prompt": "hello"}, 12),
        ({"max_tokens": 0, "echo": True, "logprobs": 1, "prompt": "hello"}, 7),
    ],
)
def test_the_completion_is_bounded_by_all_that_multiplies_it(fields: dict[str, Any], bound: int) -> None:
    assert read(COMPLETIONS, fields).completion_bound == bound


def test_the_usual_length_is_said_for_a_limited_key() -> None:
    assert forwarded(read(COMPLETIONS, {}))["max_tokens"] == 16


def test_without_a_limit_the_provider_chooses_the_length() -> None:
    envelope = read(COMPLETIONS, {}, limited=False)

    assert "max_tokens" not in forwarded(envelope)
    assert envelope.completion_bound == 100


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("name", ["max_tokens", "n", "best_of"])
@pytest.mark.parametrize("value", [-1, 1.0, True, "5", [], 10**30])
def test_counts_are_integers_in_bounds(name: str, value: Any, limited: bool) -> None:
    refused = refusal(COMPLETIONS, {name: value}, limited=limited)

    assert refused.fault in {Fault.BAD_VALUE, Fault.TOO_MANY_TOKENS}
    assert refused.param == name


def test_the_rest_of_the_shape_passes() -> None:
    fields = {
        "suffix": "b",
        "logprobs": 3,
        "stop": "c",
        "logit_bias": {"1": 1},
        "temperature": 0,
        "user": "u",
    }

    assert fields.items() <= forwarded(read(COMPLETIONS, fields)).items()


def test_a_stream_is_metered_like_one_of_chat() -> None:
    envelope = read(COMPLETIONS, {"stream": True})
    text = event({"choices": [{"text": "a"}], "usage": None})
    usage = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})

    shown, bill = played(envelope.form, text + usage + DONE)

    assert forwarded(envelope)["stream_options"] == {"include_usage": True}
    assert shown == text + DONE
    assert bill is not None
    assert (bill.prompt_tokens, bill.completion_tokens) == (3, 4)


def test_a_completion_that_counts_no_completion_is_not_believed() -> None:
    assert whole(read(COMPLETIONS, {}).form, {"usage": {"prompt_tokens": 3}}) is None
