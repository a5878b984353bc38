from typing import Any

import pytest

from reference_gateway.content.meter import Usage
from reference_gateway.ledger.wire import Endpoint
from tests.reference_gateway.asking import forwarded, read
from tests.reference_gateway.streaming import whole

EMBEDDINGS = Endpoint.EMBEDDINGS


@pytest.mark.parametrize("value", ["a", ["a", "b"], [1, 2, 3], [[1], [2, 3]], "", [""]])
@pytest.mark.parametrize("limited", [True, False])
def test_an_input_is_text_or_ids_one_or_many(value: Any, limited: bool) -> None:
    envelope = read(EMBEDDINGS, {"input": value}, limited=limited)

    assert forwarded(envelope) == {"model": "vendor/m", "input": value}
    assert envelope.completion_bound == 0
    assert not envelope.stream


@pytest.mark.parametrize("ids", [[7] * 50, [[7]] * 50])
def test_every_id_is_covered_by_its_bytes(ids: list[Any]) -> None:
    assert read(EMBEDDINGS, {"input": ids}).prompt_bound >= 50


def test_what_shapes_the_answer_passes() -> None:
    fields = {"dimensions": 256, "encoding_format": "base64", "user": "u"}

    assert fields.items() <= forwarded(read(EMBEDDINGS, fields)).items()


@pytest.mark.parametrize(
    ("usage", "bill"),
    [
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3, 0)),
        ({"prompt_tokens": 3}, Usage(3, 0)),
        ({"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}, Usage(3, 0)),
        ({"prompt_tokens": -3}, None),
        ({}, None),
        (None, None),
    ],
)
def test_an_embedding_is_billed_by_its_prompt(usage: Any, bill: Usage | None) -> None:
    answer = {"object": "list", "data": [{"embedding": [0.1, -2e-3]}], "usage": usage}

    assert whole(read(EMBEDDINGS, {}).form, answer) == bill
