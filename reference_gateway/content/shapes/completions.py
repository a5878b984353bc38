"""`POST completions`, the shape for a prompt without messages."""

from typing import Final

import msgspec

from reference_gateway.config import Model
from reference_gateway.content.billable import SAMPLING, require_usual_tier, within
from reference_gateway.content.fields import choices, flag, refuse_storing, tokens
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.shapes.chunks import metered
from reference_gateway.content.shapes.prompts import number_of_texts
from reference_gateway.web.faults import Fault, RefusalError

_BODY: Final = SAMPLING | {
    "model",
    "prompt",
    "suffix",
    "max_tokens",
    "n",
    "best_of",
    "echo",
    "stream",
    "stream_options",
    "service_tier",
    "store",
}
_USUAL_TOKENS: Final = 16  # what OpenAI's API makes where nothing is asked; others make as many as they can

_encoder: Final = msgspec.json.Encoder()


def read(body: Json, model: Model, *, limited: bool) -> Demand:
    """Checks a completion request. Raises RefusalError."""
    texts = number_of_texts(body.get("prompt"), "prompt")
    if not isinstance(body.get("suffix"), str | None):
        raise RefusalError(Fault.BAD_VALUE, param="suffix")
    refuse_storing(body)
    stream, form = metered(body, limited=limited)
    if limited:
        within(body, _BODY)
        require_usual_tier(body)
    answers = texts * max(choices(body, "n"), choices(body, "best_of"))
    # Zero asks for nothing but the prompt's log probabilities.
    most = tokens(body, "max_tokens", model, least=0)
    if most is None and limited:
        most = body["max_tokens"] = min(_USUAL_TOKENS, model.max_output_tokens)
    each = model.max_output_tokens if most is None else most
    return Demand(body=body, stream=stream, completion=answers * (each + _echoed(body)), form=form)


def _echoed(body: Json) -> int:
    """An echoed prompt is part of the answer, and may be billed as such."""
    return len(_encoder.encode(body["prompt"])) if flag(body, "echo") else 0
