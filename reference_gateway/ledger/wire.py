"""Everything the content plane can say to the ledger, and everything it hears back.

Frames have one size in each direction and hold enums, integers and opaque ids. The one field that is
wide, the secret part of a key (49 characters), is compared and dropped; every other byte that a message
does not use must be zero, and a frame that is not well-formed ends the connection. Of one request, a
content worker can leave behind at most 202 bits (`FOOTPRINT_BITS`) of its choice, even one that lies: see
`footprint`. Amounts are nano-dollars, times UTC milliseconds.
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from reference_gateway.events import Route

TAIL: Final = 49  # characters of a key behind its id: secret and checksum
EPOCH: Final = 16  # bytes

MAX_PROMPT: Final = 2**22 - 1  # tokens; the longest context windows on offer hold a quarter of that
MAX_COMPLETION: Final = 2**20 - 1  # tokens
MAX_MODELS: Final = 2**12
MAX_KEYS: Final = 2**24  # keys that one worker may have proven
WINDOW: Final = 2**12  # requests whose ends may overtake each other


class LedgerDownError(Exception):
    """The ledger cannot answer durably; the content plane refuses rather than giving free rides."""


class FrameError(Exception):
    """The bytes are no message; whoever sent them is not to be talked to any longer."""


class Endpoint(IntEnum):
    """What a key may be used for, and what usage was for."""

    CHAT = 1
    COMPLETIONS = 2
    RESPONSES = 3
    EMBEDDINGS = 4
    MESSAGES = 5
    MODELS = 6
    OWN_KEY = 7


class Outcome(IntEnum):
    """How a forwarded request ended, as far as its cost goes."""

    METERED = 1  # a final usage object was read
    NOTHING_SENT = 2  # proven: no byte of the request reached the provider
    REFUSED = 3  # the provider gave a complete answer that is not a success
    UNKNOWN = 4  # anything else: the full hold is charged
    ORPHANED = 5  # the worker or ledger that held it died: the full hold is charged


class Why(IntEnum):
    """Why the ledger said no."""

    LIMIT = 1
    ACCOUNT_LIMIT = 2
    KEY_UNUSABLE = 3
    LIMIT_IS_NEW = 4  # the request was checked as one of a key without a limit
    OUT_OF_SCOPE = 5  # the key is not for this model or endpoint
    MODEL_SUSPENDED = 6  # its provider billed more than was asked for
    DOWN = 7  # the answer would not be durable


@dataclass(frozen=True, slots=True)
class Authorise:
    """Is this key usable now, for this endpoint? `tail` is the key's text behind its id."""

    key_id: int
    tail: bytes
    endpoint: Endpoint

    def __repr__(self) -> str:
        return "Authorise(…)"


@dataclass(frozen=True, slots=True)
class Standing:
    """A usable key. `generation` changes with each rotation, so that a stale answer reserves nothing.

    `limited` also where only the account above the key has a limit.
    """

    key_id: int
    generation: int
    limited: bool


@dataclass(frozen=True, slots=True)
class AskBalance:
    """What has the holder of this key spent? Needs the key, as `Authorise` does."""

    key_id: int
    tail: bytes

    def __repr__(self) -> str:
        return "AskBalance(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The key's own limit and spending; `spent` in the present window, `total` for ever."""

    key_id: int
    period: int
    limit: int | None
    spent: int
    reserved: int
    total: int
    expires_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Hold the worst case: these many tokens of `model`, which is its place in the configuration.

    `generation` and `limited` are those of the standing under which the request was checked. Money is
    the ledger's own business: no price is sent.
    """

    key_id: int
    generation: int
    limited: bool
    endpoint: Endpoint
    model: int
    prompt_bound: int
    completion_bound: int


@dataclass(frozen=True, slots=True)
class Held:
    """The hold is durable; the provider may be called once. Good on this connection only."""

    rid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was held, or the key may not be used."""

    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """End a hold. Tokens count for METERED only. Settling twice does nothing the second time.

    `cached_tokens` and `written_tokens` (of a provider's prompt cache) are parts of `prompt_tokens`.
    """

    rid: int
    outcome: Outcome
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A request is over. `number` counts the requests of the connection; `milliseconds` as by `paced`."""

    number: int
    route: Route
    status: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first thing a worker hears: the root of the ids that its requests get."""

    epoch: bytes


@dataclass(frozen=True, slots=True)
class Revoked:
    """The key, or its present secret, has stopped being usable."""

    key_id: int


Question = Authorise | AskBalance | Reserve
Notice = Settle | Finished
Answer = Standing | Balance | Held | Refused
News = Greeting | Revoked


class Ledger(Protocol):
    """The content plane's whole view of the ledger."""

    async def authorise(self, message: Authorise) -> Standing | Refused:
        """A standing, or why not: unknown, wrong, disabled, deleted and expired keys are all unusable.

        Raises LedgerDownError.
        """

    async def balance(self, message: AskBalance) -> Balance | Refused:
        """See `AskBalance`. Raises LedgerDownError."""

    async def reserve(self, message: Reserve) -> Held | Refused:
        """Durable before it returns. Raises LedgerDownError."""

    def settle(self, message: Settle) -> None:
        """Handed over when this returns: it counts even if this process ends now.

        To a ledger that is gone it says nothing; the hold is then charged in full.
        """

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        """Calls `listener(key_id)` whenever a key, or its present secret, stops being usable."""


# --- the closed sets of an event ---------------------------------------------------------------------------

ROUTES: Final = tuple(Route)
STATUSES: Final = (
    0, 200, 201, 204, 400, 401, 402, 403, 404, 405, 408, 409, 411, 413, 415, 422, 429, 431, 500, 502, 503, 504,
)  # fmt: skip
_MAX_PACE: Final = 9_900_000  # milliseconds; two hours and three quarters


def paced(milliseconds: int) -> int:
    """A duration with two significant digits, so that it cannot carry more than 550 values."""
    shown = min(max(milliseconds, 0), _MAX_PACE)
    scale: int = 10 ** max(len(str(shown)) - 2, 0)
    return shown // scale * scale


_PACES: Final = (*range(100), *(digits * 10**zeros for zeros in range(1, 6) for digits in range(10, 100)))
_PACE_AT: Final = {pace: place for place, pace in enumerate(_PACES)}

# --- how much one request can leave behind -----------------------------------------------------------------

_FOOTPRINT: Final = (
    ("key", MAX_KEYS),  # which of the keys that were proven to this worker
    ("endpoint", 8),
    ("model", MAX_MODELS),
    ("prompt_bound", MAX_PROMPT + 1),
    ("completion_bound", MAX_COMPLETION + 1),
    ("outcome", 8),
    ("prompt_tokens", MAX_PROMPT + 1),
    ("completion_tokens", MAX_COMPLETION + 1),
    ("cached_tokens", MAX_PROMPT + 1),
    ("written_tokens", MAX_PROMPT + 1),
    ("route", len(ROUTES)),
    ("status", len(STATUSES)),
    ("milliseconds", len(_PACES)),
    ("number", WINDOW),  # which of the numbers that are not taken yet
)
FOOTPRINT_BITS: Final = sum((size - 1).bit_length() for _, size in _FOOTPRINT)


def footprint(key: int, reserve: Reserve, settle: Settle, finished: Finished, ahead: int) -> int:
    """All that one request can write down, as one number below 2**FOOTPRINT_BITS.

    `key` says which of the proven keys is charged, `ahead` how many free numbers lie below the one that
    is used. Two requests with the same footprint leave the same rows and the same events, but for what
    the ledger itself adds: ids and times. An honest worker chooses none of it; a lying one pays for
    every token that it makes up.
    """
    chosen = {
        "key": key,
        "endpoint": int(reserve.endpoint),
        "model": reserve.model,
        "prompt_bound": reserve.prompt_bound,
        "completion_bound": reserve.completion_bound,
        "outcome": int(settle.outcome),
        "prompt_tokens": settle.prompt_tokens,
        "completion_tokens": settle.completion_tokens,
        "cached_tokens": settle.cached_tokens,
        "written_tokens": settle.written_tokens,
        "route": ROUTES.index(finished.route),
        "status": STATUSES.index(finished.status),
        "milliseconds": _PACE_AT[finished.milliseconds],
        "number": ahead,
    }
    number = 0
    for name, size in _FOOTPRINT:
        number = number << (size - 1).bit_length() | chosen[name]
    return number


def request_id(epoch: bytes, number: int) -> int:
    """The id (128 bits) of the connection's request `number`: unguessable from outside, not the worker's choice."""
    digest = hashlib.blake2b(number.to_bytes(8, "little"), key=epoch, digest_size=16).digest()
    return int.from_bytes(digest, "big")


# --- frames ------------------------------------------------------------------------------------------------

_KEYED: Final = struct.Struct(f"<BBHIQ{TAIL}s7x")  # op, endpoint, -, seq, key id, tail
# op, endpoint, model, seq, key id, generation, limited, the two bounds
_RESERVE: Final = struct.Struct("<BBHIQIIII40x")
_SETTLE: Final = struct.Struct("<BBHIQIIII40x")  # op, outcome, -, -, rid, tokens
_FINISHED: Final = struct.Struct("<BBHIQ56x")  # op, route, status, number, pace
REQUEST_BYTES: Final = _KEYED.size

_ANSWER: Final = struct.Struct("<BBHIQqqqqq")  # op, why or period, flags, seq, id, five amounts
_GREETING: Final = struct.Struct(f"<BBHIQ{EPOCH}s24x")
ANSWER_BYTES: Final = _ANSWER.size

_HAS_LIMIT, _HAS_EXPIRY = 1, 2


class _Op(IntEnum):
    """The first byte of a frame."""

    AUTHORISE = 1
    ASK_BALANCE = 2
    RESERVE = 3
    SETTLE = 4
    FINISHED = 5
    STANDING = 17
    BALANCE = 18
    HELD = 19
    REFUSED = 20
    GREETING = 21
    REVOKED = 22


def question_frame(seq: int, message: Question) -> bytes:
    """A question of the content plane; `seq` (32 bits) comes back with the answer."""
    match message:
        case Reserve():
            return _RESERVE.pack(
                _Op.RESERVE,
                message.endpoint,
                message.model,
                seq,
                message.key_id,
                message.generation,
                message.limited,
                message.prompt_bound,
                message.completion_bound,
            )
        case Authorise():
            return _KEYED.pack(_Op.AUTHORISE, message.endpoint, 0, seq, message.key_id, message.tail)
        case AskBalance():
            return _KEYED.pack(_Op.ASK_BALANCE, Endpoint.OWN_KEY, 0, seq, message.key_id, message.tail)


def notice_frame(message: Notice) -> bytes:
    """What the content plane says without waiting for an answer."""
    match message:
        case Settle():
            return _SETTLE.pack(
                _Op.SETTLE,
                message.outcome,
                0,
                0,
                message.rid,
                message.prompt_tokens,
                message.completion_tokens,
                message.cached_tokens,
                message.written_tokens,
            )
        case Finished():
            return _FINISHED.pack(
                _Op.FINISHED,
                ROUTES.index(message.route),
                STATUSES.index(message.status),
                message.number,
                message.milliseconds,
            )


def read_request(frame: bytes) -> tuple[int, Question | Notice]:
    """One frame from the content plane: (seq, message), seq 0 for notices. Raises FrameError.

    What is accepted is exactly what `question_frame` and `notice_frame` write: a frame that says the
    same in other bytes, spare ones included, is refused.
    """
    try:
        seq, message = _READERS[frame[0]](frame)
        again = question_frame(seq, message) if isinstance(message, Question) else notice_frame(message)
    except (KeyError, IndexError, ValueError, struct.error):
        raise FrameError from None
    if again != frame:
        raise FrameError
    return seq, message


def _read_authorise(frame: bytes) -> tuple[int, Question]:
    _, endpoint, _, seq, key_id, tail = _KEYED.unpack(frame)
    return seq, Authorise(key_id, tail, Endpoint(endpoint))


def _read_ask_balance(frame: bytes) -> tuple[int, Question]:
    _, _, _, seq, key_id, tail = _KEYED.unpack(frame)
    return seq, AskBalance(key_id, tail)


def _read_reserve(frame: bytes) -> tuple[int, Question]:
    _, endpoint, model, seq, key_id, generation, limited, prompt, completion = _RESERVE.unpack(frame)
    _within(model < MAX_MODELS and limited <= 1 and prompt <= MAX_PROMPT and completion <= MAX_COMPLETION)
    message = Reserve(
        key_id=key_id,
        generation=generation,
        limited=bool(limited),
        endpoint=Endpoint(endpoint),
        model=model,
        prompt_bound=prompt,
        completion_bound=completion,
    )
    return seq, message


def _read_settle(frame: bytes) -> tuple[int, Notice]:
    _, outcome, _, _, rid, prompt, completion, cached, written = _SETTLE.unpack(frame)
    _within(prompt <= MAX_PROMPT and completion <= MAX_COMPLETION and cached + written <= prompt)
    message = Settle(
        rid=rid,
        outcome=Outcome(outcome),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        written_tokens=written,
    )
    return 0, message


def _read_finished(frame: bytes) -> tuple[int, Notice]:
    _, route, status, number, pace = _FINISHED.unpack(frame)
    _within(pace in _PACE_AT)
    return 0, Finished(number=number, route=ROUTES[route], status=STATUSES[status], milliseconds=pace)


_READERS: Final[dict[int, Callable[[bytes], tuple[int, Question | Notice]]]] = {
    _Op.AUTHORISE: _read_authorise,
    _Op.ASK_BALANCE: _read_ask_balance,
    _Op.RESERVE: _read_reserve,
    _Op.SETTLE: _read_settle,
    _Op.FINISHED: _read_finished,
}


def _within(condition: bool) -> None:
    if not condition:
        raise FrameError


def answer_frame(seq: int, message: Answer) -> bytes:
    """The ledger's answer to the question `seq`."""
    match message:
        case Held(rid):
            return _ANSWER.pack(_Op.HELD, 0, 0, seq, rid, 0, 0, 0, 0, 0)
        case Standing(key_id, generation, limited):
            return _ANSWER.pack(_Op.STANDING, 0, int(limited), seq, key_id, generation, 0, 0, 0, 0)
        case Refused(why):
            return _ANSWER.pack(_Op.REFUSED, why, 0, seq, 0, 0, 0, 0, 0, 0)
        case Balance():
            flags = _HAS_LIMIT * (message.limit is not None) | _HAS_EXPIRY * (message.expires_at is not None)
            return _ANSWER.pack(
                _Op.BALANCE,
                message.period,
                flags,
                seq,
                message.key_id,
                message.limit or 0,
                message.spent,
                message.reserved,
                message.total,
                message.expires_at or 0,
            )


def news_frame(message: News) -> bytes:
    """What the ledger says unasked."""
    match message:
        case Greeting(epoch):
            return _GREETING.pack(_Op.GREETING, 0, 0, 0, 0, epoch)
        case Revoked(key_id):
            return _ANSWER.pack(_Op.REVOKED, 0, 0, 0, key_id, 0, 0, 0, 0, 0)


def read_answer(frame: bytes) -> tuple[int, Answer | News]:
    """One frame from the ledger: (seq, message), seq 0 for news. Raises FrameError."""
    try:
        op, small, flags, seq, number, first, second, third, fourth, fifth = _ANSWER.unpack(frame)
        match op:
            case _Op.HELD:
                return seq, Held(number)
            case _Op.STANDING:
                return seq, Standing(number, first, bool(flags))
            case _Op.REFUSED:
                return seq, Refused(Why(small))
            case _Op.REVOKED:
                return 0, Revoked(number)
            case _Op.GREETING:
                return 0, Greeting(frame[16 : 16 + EPOCH])
            case _Op.BALANCE:
                return seq, Balance(
                    key_id=number,
                    period=small,
                    limit=first if flags & _HAS_LIMIT else None,
                    spent=second,
                    reserved=third,
                    total=fourth,
                    expires_at=fifth if flags & _HAS_EXPIRY else None,
                )
    except (ValueError, struct.error):
        raise FrameError from None
    raise FrameError
