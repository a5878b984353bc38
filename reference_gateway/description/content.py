"""The content plane as an OpenAPI 3.1 document."""

from typing import Final

from reference_gateway import credential
from reference_gateway.config import Config
from reference_gateway.config_file import Bounds
from reference_gateway.description.calls import ABOUT_LIMITS, schemas
from reference_gateway.description.document import (
    ANY_BODY,
    ANY_REQUEST,
    NO_CREDENTIAL,
    Json,
    answer,
    anthropic_error,
    any_of,
    body,
    document,
    nullable,
    openai_error,
    record,
    ref,
    refusals,
)
from reference_gateway.web.faults import Fault

_ABOUT: Final = f"""\
OpenAI's and Anthropic's APIs to the models on offer, under `/v1` and under `/api/v1`. Every request but that
for `/health` needs an API key, as a bearer token or as `x-api-key`. {ABOUT_LIMITS}\
"""
_PREFIXES: Final = ("/v1", "/api/v1")
_BILLED: Final = {
    "/chat/completions": ("chat", "ChatRequest"),
    "/completions": ("completions", "CompletionRequest"),
    "/responses": ("responses", "ResponsesRequest"),
    "/embeddings": ("embeddings", "EmbeddingsRequest"),
    "/messages": ("messages", "MessagesRequest"),
}
_SCOPED: Final = (*NO_CREDENTIAL, Fault.OUT_OF_SCOPE, Fault.LEDGER_DOWN)
_BILLED_FAULTS: Final = (
    *_SCOPED,
    *ANY_BODY,
    Fault.UNBILLABLE_FIELD,
    Fault.UNSUPPORTED_PART,
    Fault.UNKNOWN_MODEL,
    Fault.NO_SUCH_OFFER,
    Fault.TOO_MANY_TOKENS,
    Fault.LIMIT,
    Fault.ACCOUNT_LIMIT,
    Fault.MODEL_SUSPENDED,
    Fault.KEY_CHANGED,
    Fault.PROVIDER_REFUSED,
    Fault.PROVIDER_LIMITED,
    Fault.PROVIDER_FAILED,
    Fault.PROVIDER_UNREACHABLE,
    Fault.CONNECT_TIMEOUT,
    Fault.PROVIDER_TIMEOUT,
    Fault.PROVIDER_CUT,
    Fault.PROVIDER_TOO_LARGE,
)
_STORING: Final = (Fault.STORED,)
_STATE: Final = (Fault.PREVIOUS_RESPONSE, Fault.BACKGROUND, Fault.STORED_PROMPT)
_OWN_FAULTS: Final = {
    "/chat/completions": _STORING,
    "/completions": _STORING,
    "/responses": _STATE,
    "/embeddings": _STORING,
    "/messages": (Fault.UNKNOWN_FIELD,),
}
# A provider's refusal that the caller can mend is passed on in its own words.
_PASSED_ON: Final = (400, 413, 422)
_WORDS: Final[Json] = {"description": "What the provider said, as it said it."}
_USD: Final[Json] = {"type": "number", "minimum": 0, "description": "US dollars"}


def content_description(config: Config) -> bytes:
    """The document as JSON. It names the models on offer, which not everybody may know."""
    most_tokens = max(model.max_output_tokens for model in config.models)
    names = [model.name for model in config.models]
    return document(
        title="Reference gateway",
        about=_ABOUT,
        paths=_paths(config.bounds),
        schemas=schemas(names, most_tokens) | _answers(config.environment),
        security={
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    )


def _paths(bounds: Bounds) -> dict[str, Json]:
    own = {path: {"post": _billed(path, bounds)} for path in _BILLED} | {
        "/models": {"get": _read("models", "The models on offer.", ref("ModelList"), Fault.OUT_OF_SCOPE)},
        "/key": {"get": _read("key", "What a key may know of itself.", ref("OwnKeyAnswer"))},
    }
    return {
        **{f"{prefix}{path}": _under(prefix, item) for prefix in _PREFIXES for path, item in own.items()},
        "/openapi.json": {"get": _read("describe", "This document.", {"type": "object"}, Fault.OUT_OF_SCOPE)},
        "/health": {"get": _health()},
    }


def _under(prefix: str, item: Json) -> Json:
    """A path's operations, with ids that say under which prefix."""
    place = prefix[1:].replace("/", ".")
    return {
        method: operation | {"operationId": f"{place}.{operation['operationId']}"}
        for method, operation in item.items()
    }


def _billed(path: str, bounds: Bounds) -> Json:
    name, asked = _BILLED[path]
    said = anthropic_error if path == "/messages" else openai_error
    whole = answer("The provider's answer, whole or as a stream of events.", _WORDS)
    whole["content"]["text/event-stream"] = {"schema": _WORDS}
    responses = refusals((*_BILLED_FAULTS, *_OWN_FAULTS[path]), said)
    return {
        "operationId": name,
        "requestBody": body(ref(asked), bounds.max_body),
        "responses": {"200": whole, **responses, **{str(s): _passed_on(responses, s) for s in _PASSED_ON}},
    }


def _passed_on(responses: Json, status: int) -> Json:
    """The gateway's own refusals with a status, if there are any, or the provider's."""
    own = responses.get(str(status))
    if own is None:
        return answer("The provider refused the request.", _WORDS)
    (content,) = own["content"].values()
    return answer(own["description"], any_of([content["schema"], _WORDS]))


def _read(name: str, about: str, schema: Json, *faults: Fault) -> Json:
    return {
        "operationId": name,
        "description": about,
        "responses": {
            "200": answer(about, schema),
            **refusals((*NO_CREDENTIAL, Fault.LEDGER_DOWN, *faults)),
        },
    }


def _health() -> Json:
    shown = answer("Whether calls can be served, and whether this worker could write.", ref("Health"))
    return {
        "operationId": "health",
        "security": [],
        "responses": {**refusals(ANY_REQUEST), "200": shown, "503": shown},
    }


def _answers(environment: str) -> dict[str, Json]:
    label = f"^{credential.PREFIX}{environment}_[0-9A-Za-z]{{{credential.ID_DIGITS}}}$"
    own = {
        "label": {"type": "string", "pattern": label},
        "limit": nullable(_USD),
        "limit_remaining": nullable(_USD),
        "limit_reset": {"enum": ["daily", "weekly", "monthly", None]},
        "usage": _USD,
    }
    price = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "description": "US dollars per token"}
    model = {
        "id": ref("Model"),
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "pricing": record({"prompt": price, "completion": price}, closed=False),
        "top_provider": record({"max_completion_tokens": {"type": "integer"}}, closed=False),
    }
    listed = {"type": "array", "items": record(model, closed=False)}
    return {
        "OwnKeyAnswer": record({"data": record(own, closed=False)}, closed=False),
        "ModelList": record({"object": {"const": "list"}, "data": listed}, closed=False),
        "Health": record(
            {"status": {"enum": ["ok", "no ledger"]}, "confinement": {"type": "string"}}, closed=False
        ),
    }
