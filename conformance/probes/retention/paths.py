"""The paths of the campaign: a table of every way through a gateway by which others have kept content."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from conformance.model.campaign import PathClass
from conformance.probes.retention import bodies, malformed, switches
from conformance.probes.retention.bodies import PLAIN, Ask
from conformance.probes.retention.fields import FIELDS
from conformance.probes.retention.leaving import Moment, leave
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.oversize import KIB, large
from conformance.probes.retention.path import Desk, Path, Stage, heavy
from conformance.probes.retention.sending import Sent
from conformance.target import Target
from conformance.witness.faults import fault
from conformance.witness.ledger import Outcome

_LONG = 64  # completion tokens of a stream that is left: eight pieces and more
_UPLOAD = 40 * KIB  # blanks behind a body that is left half way: proxies spool beyond 16 KiB
_HANG_SECONDS = 2.0  # how long the client waits for a provider that never answers

_TOO: frozenset[PathClass] = frozenset({"forwarded", "rejected"})
_REFUSED = frozenset({Outcome.REFUSED, Outcome.LOST})
_ENDED = frozenset({Outcome.CUT, Outcome.LOST})


def paths(target: Target) -> tuple[Path, ...]:
    """Every path that the target's endpoints have, whether or not its keys can be made."""
    kinds = dict.fromkeys(e.kind for e in target.inference)
    further = (path for kind in kinds if kind != "chat" for path in _of_endpoint(kind))
    return (
        *_served(),
        *_left(),
        *_malformed(),
        *_rejected(),
        *large(target),
        *further,
        *_failing(),
        _HURRIED,
    )


def asked(writer: Writer, ask: Ask = PLAIN, kind: str = "chat") -> Letter:
    """What is asked at an endpoint, as it should be."""
    return writer.letter(bodies.BODIES[kind](writer, ask), output=ask.output)


def _served() -> Iterator[Path]:
    yield Path(name="success", kind="forwarded", write=asked)
    yield Path(name="stream", kind="forwarded", write=partial(asked, ask=Ask(stream=True)))
    yield Path(name="idempotency key", kind="forwarded", write=_repeatable, send=_twice, each=2)
    yield Path(name="storage asked for", kind="forwarded", write=_stored, may=_TOO, mixed=True)
    yield Path(name="debug switches", kind="forwarded", write=_switched, may=_TOO, mixed=True)
    yield _fields("chat", "optional fields")


def _repeatable(writer: Writer) -> Letter:
    body = bodies.chat(writer)
    writer.headers["idempotency-key"] = writer.atom("idempotency key")
    return writer.letter(body)


async def _twice(desk: Desk, letter: Letter, number: int) -> Sent:
    """The same request again, byte for byte, as clients do whose connection broke."""
    first, second = await desk.lines.post(letter), await desk.lines.post(letter)
    return second if second.whole and not first.whole else first


def _stored(writer: Writer) -> Letter:
    return writer.letter(bodies.chat(writer) | {"store": True})


def _switched(writer: Writer) -> Letter:
    """One of the debug switches, in turn."""
    body, number = bodies.chat(writer), writer.number % switches.EVERY
    if number < len(switches.HEADERS):
        writer.headers |= switches.HEADERS[number]
        return writer.letter(body)
    number -= len(switches.HEADERS)
    if number < len(switches.QUERIES):
        writer.query |= switches.QUERIES[number]
        return writer.letter(body)
    return writer.letter({**body, **switches.MEMBERS[number - len(switches.QUERIES)]})


def _fields(kind: str, name: str) -> Path:
    """The optional fields of an endpoint in turn; those that are refused are searched for all the same."""
    count = len(FIELDS[kind])
    return Path(
        name=name,
        kind="forwarded",
        write=partial(_filled, kind=kind),
        may=_TOO,
        mixed=True,
        endpoint=kind,
        count=lambda sample: count * max(sample // 10, -(-sample // count)),
        bulk=_some,
    )


def _some(count: int) -> int:
    """Room for a file in base64, or for brackets without end."""
    return count * 4 * KIB


def _filled(writer: Writer, kind: str) -> Letter:
    fills = tuple(FIELDS[kind].values())
    body = bodies.BODIES[kind](writer, PLAIN)
    fills[writer.number % len(fills)](writer, body)
    return writer.letter(body)


def _left() -> Iterator[Path]:
    slow = partial(asked, ask=Ask(directive="[[fault:slow-2000]] "))
    paced = partial(asked, ask=Ask(directive="[[fault:paced]] ", stream=True, output=_LONG))
    for moment, name, write in (
        (Moment.UPLOADING, "left during the upload", upload),
        (Moment.WAITING, "left before the first byte", slow),
        (Moment.FIRST, "left at the first chunk", paced),
        (Moment.MIDDLE, "left in the middle", paced),
        (Moment.NEAR_END, "left near the end", paced),
    ):
        # Gateways that hold streams back send them whole: they cannot be left in the middle.
        may: frozenset[PathClass] = frozenset({"forwarded"} if moment.value > 0 else ())
        send = partial(_leave, moment=moment)
        yield Path(name=name, kind="aborted", write=write, send=send, may=may)


def upload(writer: Writer) -> Letter:
    """A body whose first half ends after its canaries."""
    content = writer.letter(bodies.chat(writer)).content
    return writer.letter(content, after=_UPLOAD + len(content))


async def _leave(desk: Desk, letter: Letter, number: int, *, moment: Moment) -> Sent:
    return await leave(desk.session, desk.lines, desk.arrivals, letter, moment, reset=number % 2 == 1)


def _malformed() -> Iterator[Path]:
    for kind in malformed.KINDS:
        write = partial(malformed.write, kind=kind)
        yield Path(
            name=f"malformed: {kind}",
            kind="rejected",
            write=write,
            may=_TOO,
            mixed=kind == malformed.IN_TURN,
            bulk=_some,
        )


def _rejected() -> Iterator[Path]:
    yield Path(name="unknown model", kind="rejected", write=_unknown_model, may=_TOO)
    yield Path(name="no credential", kind="rejected", write=asked, may=_TOO, key="none")
    yield Path(name="wrong credential", kind="rejected", write=asked, may=_TOO, key="wrong")
    yield Path(name="revoked key", kind="rejected", write=asked, may=_TOO, key="revoked")
    refusals = frozenset(range(400, 430)) - {401}  # a key that is not known is not over its budget
    yield Path(name="over budget", kind="rejected", write=asked, may=_TOO, key="poor", refusals=refusals)


def _unknown_model(writer: Writer) -> Letter:
    body = bodies.chat(writer)
    return writer.letter(body | {"model": f"no-such-model-{writer.atom('model').lower()}"})


def _of_endpoint(kind: str) -> Iterator[Path]:
    """The paths of an endpoint other than chat."""
    if kind == "models":
        may: frozenset[PathClass] = frozenset({"forwarded", "rejected"})
        yield Path(
            name="models", kind="answered", write=_listed, may=may, mixed=True, endpoint=kind, method="GET"
        )
        return
    yield Path(name=kind, kind="forwarded", write=partial(asked, kind=kind), endpoint=kind)
    if kind in bodies.STREAMED:
        write = partial(asked, ask=Ask(stream=True), kind=kind)
        yield Path(name=f"{kind}: stream", kind="forwarded", write=write, endpoint=kind)
    yield _fields(kind, f"{kind}: optional fields")
    cut = partial(_cut_short, kind=kind)
    yield Path(name=f"{kind}: malformed", kind="rejected", write=cut, may=_TOO, endpoint=kind)
    failing = partial(asked, ask=Ask(directive="[[fault:error-500]] "), kind=kind)
    yield Path(
        name=f"{kind}: provider error",
        kind="forwarded",
        write=failing,
        endpoint=kind,
        outcomes=_REFUSED,
        stage=Stage.FAILING,
    )


def _listed(writer: Writer) -> Letter:
    writer.headers["x-request-note"] = writer.atom("header")
    writer.query["note"] = writer.atom("query")
    return writer.letter(None, method="GET")


def _cut_short(writer: Writer, kind: str) -> Letter:
    return writer.letter(writer.letter(bodies.BODIES[kind](writer, PLAIN)).content[:-1])


def _failing() -> Iterator[Path]:
    """The provider fails, and echoes the prompt in its errors, as real ones do."""
    for name, directive, outcomes in (
        ("provider error 400", "error-400", _REFUSED),
        ("provider error 401", "error-401", _REFUSED),
        ("provider error 429", "error-429", _REFUSED),
        ("provider error", "error-500", _REFUSED),
        ("provider error 503", "error-503", _REFUSED),
        ("provider error page", "html-500", _REFUSED),
        ("provider cuts", "cut", _ENDED),
        ("provider resets", "reset", _ENDED),
        ("provider answers no JSON", "malformed", frozenset[Outcome]()),
        ("provider tells no usage", "omit-usage", frozenset[Outcome]()),
    ):
        write = partial(asked, ask=Ask(directive=f"[[fault:{directive}]] "))
        yield Path(name=name, kind="forwarded", write=write, outcomes=outcomes, stage=Stage.FAILING)
    stream = Ask(directive="[[fault:cut]] ", stream=True, output=_LONG)
    yield Path(
        name="provider cuts a stream",
        kind="forwarded",
        write=partial(asked, ask=stream),
        outcomes=_ENDED,
        stage=Stage.FAILING,
    )
    yield Path(
        name="provider hangs",
        kind="forwarded",
        write=partial(asked, ask=Ask(directive="[[fault:hang]] ")),
        send=_impatient,
        count=heavy,
        stage=Stage.FAILING,
        note="the client left after 2 s",
    )
    for status in ("500", "429"):
        if fault(f"once-{status}") is not None:
            yield Path(
                name=f"provider fails once ({status})",
                kind="forwarded",
                write=partial(asked, ask=Ask(directive=f"[[fault:once-{status}]] ")),
                calls=2,
                stage=Stage.FAILING,
            )


async def _impatient(desk: Desk, letter: Letter, number: int) -> Sent:
    """Leave when there is no answer after a while, and note whether the provider was waited for."""
    deadline = min(_HANG_SECONDS, desk.session.target.limits.timeout)
    sent = await desk.lines.post(letter, deadline=deadline)
    waited = sent.told == "timeout" and bool(desk.arrivals.of((letter.canaries[0][1],)))
    return replace(sent, told="left", left=True) if waited else sent


_HURRIED = Path(
    name="rate limited",
    kind="rejected",
    write=asked,
    may=_TOO,
    key="hurried",
    refusals=frozenset({429, 503}),
    stage=Stage.HURRIED,
)
