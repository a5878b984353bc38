"""Every error that the gateway can answer: a closed list, constant to the last letter.

Whatever the caller typed is content until it is found in a closed list, so no message here has a
place to put it. The shape is OpenAI's, which its SDK maps to exception types by status; what is
asked in Anthropic's words is refused in Anthropic's.
"""

from enum import Enum
from typing import Final, NamedTuple

import msgspec


class FaultText(NamedTuple):
    """What one fault looks like on the wire."""

    status: int
    kind: str
    code: str
    message: str
    transient: bool = False


_BAD: Final = "invalid_request_error"
_AUTH: Final = "authentication_error"
_QUOTA: Final = "insufficient_quota"
_DENIED: Final = "permission_error"
_SERVER: Final = "api_error"


class Fault(Enum):
    """The caller's faults, then the provider's, then ours."""

    NOT_JSON = FaultText(400, _BAD, "invalid_json", "The body is not valid JSON of the expected shape.")
    BODY_CUT = FaultText(400, _BAD, "incomplete_body", "The body ended early.")
    MALFORMED = FaultText(400, _BAD, "malformed_request", "The request is not valid HTTP.")
    BAD_VALUE = FaultText(400, _BAD, "invalid_value", "A field has a value that is not allowed.")
    UNKNOWN_FIELD = FaultText(400, _BAD, "unknown_field", "The body has a field that is not known here.")
    UNBILLABLE_FIELD = FaultText(
        400,
        _BAD,
        "field_not_billable",
        "The body has a field whose cost cannot be bounded; keys with a spend limit may not use it.",
    )
    UNSUPPORTED_PART = FaultText(
        400,
        _BAD,
        "unsupported_content_part",
        "The content has a part whose cost cannot be bounded; keys with a spend limit may send text,"
        " and images where the model has a price for them.",
    )
    STORED = FaultText(400, _BAD, "store_refused", "Content is never stored: store must be false or absent.")
    PREVIOUS_RESPONSE = FaultText(
        400,
        _BAD,
        "stored_state_refused",
        "Nothing is kept between requests: send the whole conversation as input, without references to"
        " earlier responses, conversations or items.",
    )
    BACKGROUND = FaultText(
        400,
        _BAD,
        "background_refused",
        "Background responses would have to be stored: background must be false or absent.",
    )
    STORED_PROMPT = FaultText(
        400,
        _BAD,
        "stored_prompt_refused",
        "Prompts stored at a provider are not used: send their text as input.",
    )
    UNKNOWN_MODEL = FaultText(404, _BAD, "model_not_found", "The model is not offered here.")
    NO_SUCH_OFFER = FaultText(
        404, _BAD, "endpoint_not_offered", "The model's provider does not offer this endpoint."
    )
    TOO_MANY_TOKENS = FaultText(
        400, _BAD, "max_tokens_too_large", "More completion tokens are asked for than the model may produce."
    )
    NO_KEY = FaultText(401, _AUTH, "missing_api_key", "Send an API key as a bearer token.")
    BAD_KEY = FaultText(401, _AUTH, "invalid_api_key", "The API key is not valid.")
    LIMIT = FaultText(402, _QUOTA, "key_limit_exceeded", "The key's spend limit is reached.")
    ACCOUNT_LIMIT = FaultText(
        402, _QUOTA, "account_limit_exceeded", "The spend limit of the key's account is reached."
    )
    OUT_OF_SCOPE = FaultText(
        403, _DENIED, "out_of_scope", "The API key may not be used for this model or endpoint."
    )
    WEAK_ROLE = FaultText(403, _DENIED, "role_too_weak", "The admin credential's role does not allow this.")
    NO_SUCH_ROUTE = FaultText(404, _BAD, "not_found", "There is nothing at this path.")
    NO_SUCH_KEY = FaultText(404, _BAD, "key_not_found", "There is no such key.")
    NO_SUCH_ACCOUNT = FaultText(404, _BAD, "account_not_found", "There is no such account.")
    WRONG_METHOD = FaultText(405, _BAD, "method_not_allowed", "The method is not allowed here.")
    SLOW_BODY = FaultText(408, _BAD, "request_timeout", "The request took too long to arrive.", True)
    BODY_TOO_LARGE = FaultText(413, _BAD, "body_too_large", "The body is larger than allowed.")
    NOT_JSON_TYPE = FaultText(415, _BAD, "unsupported_media_type", "Send application/json.")
    ENCODED_BODY = FaultText(415, _BAD, "unsupported_encoding", "Send the body without content-encoding.")
    HEAD_TOO_LARGE = FaultText(
        431, _BAD, "headers_too_large", "The request's headers are larger than allowed."
    )
    KEY_REVOKED = FaultText(
        401, _AUTH, "key_revoked", "The API key was revoked while the answer was under way."
    )

    PROVIDER_REFUSED = FaultText(502, _SERVER, "provider_error", "The provider refused the request.")
    PROVIDER_LIMITED = FaultText(429, _SERVER, "provider_rate_limited", "The provider is busy.", True)
    PROVIDER_FAILED = FaultText(502, _SERVER, "provider_error", "The provider failed.", True)
    PROVIDER_UNREACHABLE = FaultText(
        502, _SERVER, "provider_unreachable", "The provider cannot be reached.", True
    )
    CONNECT_TIMEOUT = FaultText(
        504, _SERVER, "provider_timeout", "The provider could not be reached in time.", True
    )
    # Not to be repeated unasked: the provider may have billed the first attempt.
    PROVIDER_TIMEOUT = FaultText(504, _SERVER, "provider_timeout", "The provider did not answer in time.")
    PROVIDER_CUT = FaultText(
        502, _SERVER, "provider_cut", "The provider's answer ended early; it is incomplete."
    )
    PROVIDER_TOO_LARGE = FaultText(
        502, _SERVER, "provider_overflow", "The provider's answer is larger than allowed."
    )
    MODEL_SUSPENDED = FaultText(
        503,
        _SERVER,
        "model_suspended",
        "The model is suspended: its provider billed more than was asked for.",
    )

    KEY_CHANGED = FaultText(503, _SERVER, "key_changed", "The key was changed meanwhile; repeat.", True)
    LEDGER_DOWN = FaultText(503, _SERVER, "ledger_unavailable", "Spending cannot be accounted for now.", True)
    INTERNAL = FaultText(500, _SERVER, "internal_error", "The gateway failed.")


class RefusalError(Exception):
    """Ends a request with a fault. `param` comes from this program, never from the caller."""

    def __init__(
        self,
        fault: Fault,
        *,
        param: str | None = None,
        allow: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(fault.name)
        self.fault = fault
        self.param = param
        self.allow = allow
        self.retry_after = retry_after


_encoder = msgspec.json.Encoder()


def error_body(fault: Fault, param: str | None = None) -> bytes:
    """The fault as `{"error": {message, type, param, code}}`."""
    text = fault.value
    error = {"message": text.message, "type": text.kind, "param": param, "code": text.code}
    return _encoder.encode({"error": error})


_ANTHROPIC_KINDS: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def anthropic_error_body(fault: Fault, request_id: str | None = None) -> bytes:
    """The fault as `{"type": "error", "error": {type, message}, "request_id"}`, the id only if given.

    Types are those of Anthropic's API, by status: what is not in its list is the caller's or the server's.
    """
    text = fault.value
    kind = _ANTHROPIC_KINDS.get(text.status) or (_SERVER if text.status >= 500 else _BAD)
    body = {"type": "error", "error": {"type": kind, "message": text.message}}
    return _encoder.encode(body if request_id is None else {**body, "request_id": request_id})


def error_event(fault: Fault) -> bytes:
    """The fault inside a stream of chunks, and the stream's end.

    SDKs take a clean early end for success, so a cut must be said in band.
    """
    return b"data: " + error_body(fault) + b"\n\ndata: [DONE]\n\n"


def responses_error_event(fault: Fault) -> bytes:
    """The fault as an `error` event of the Responses API, which ends a stream.

    `error` stands beside the documented fields because OpenAI's SDK raises on it, and on nothing else.
    """
    text = fault.value
    plain = {"message": text.message, "param": None, "code": text.code}
    event = {"type": "error", **plain, "sequence_number": 0, "error": {**plain, "type": text.kind}}
    return b"event: error\ndata: " + _encoder.encode(event) + b"\n\n"


def anthropic_error_event(fault: Fault) -> bytes:
    """The fault as an `error` event of Anthropic's API, which ends a stream."""
    return b"event: error\ndata: " + anthropic_error_body(fault) + b"\n\n"
