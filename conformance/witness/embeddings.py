"""Embeddings: vectors that carry the canary of the answer, as numbers or in base64."""

import base64
import struct
from collections.abc import Sequence

from conformance.witness.asked import Asked
from conformance.witness.canaries import Marks
from conformance.witness.objects import Json

DIMENSIONS = 64


def whole(asked: Asked, marks: Marks, prompt_tokens: int | None) -> Json:
    """The answer: a vector for each input. `prompt_tokens` is None for a provider that forgets to tell."""
    texts = asked.spoken if len(asked.spoken) == asked.inputs else [f"input {n}" for n in range(asked.inputs)]
    size = asked.dimensions or DIMENSIONS
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _written(asked, marks.embedding(index, text, size)),
        }
        for index, text in enumerate(texts)
    ]
    told = (
        {}
        if prompt_tokens is None
        else {"usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}}
    )
    return {"object": "list", "data": data, "model": asked.model or "witness-1", **told}


def _written(asked: Asked, vector: Sequence[float]) -> Sequence[float] | str:
    if not asked.base64:
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
