"""The table of ways to overspend: what each is called, and how its calls look and are sent. Data; nothing is sent here."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from conformance.model.preflight import Price
from conformance.model.spend import Family
from conformance.probes.calls import MAX_TOKENS, PROMPT_SIZE
from conformance.probes.spending.orders import Shape
from conformance.target import Target

_MOST_CHOICES = 128
_MOST_PROMPT = 2**18  # characters
_STREAMED = ("chat", "completions")  # kinds that the witness streams
_SLOW_TOKENS, _SLOW_PADDING = 512, 32_768  # of a stream, and bytes in each of its events: two megabytes
_LATENCIES, _SHORTEST, _LONGEST = 20, 0.25, 4.0  # that a slow reader reads nothing; seconds
_CACHED_SIZE = 1024  # characters of a prompt that the provider has in its cache
_NOWHERE = "gateproof-priced-nowhere"

Kind = Literal["drain", "leap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to overspend.

    A drain sends one call after another until the gateway refuses; it breaks a limit where calls are counted too low. A leap is
    one call that costs more than the limit; it breaks a limit where less is set aside than a call can cost. `leave` says when
    the caller goes away, and how. Calls of a way that is not `counted` cost nothing: plain ones between them are what is billed.
    """

    name: str
    family: Family
    shape: Shape
    kind: Kind = "drain"
    leave: tuple[Literal["waiting", "first", "middle", "last"], Literal["FIN", "RST"]] | None = None
    patience: float = (
        0.0  # seconds for which a slow reader reads nothing, after which it reads on, or else leaves
    )
    reads_on: bool = True
    room: int = (
        1  # how often what is held back for a usual call goes into the limit, beside three calls and a half
    )
    counted: bool = True
    exact: bool = True  # the bill can only be known from prices per token
    late: bool = False  # it makes the provider fail, after which some gateways rest it
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the table is filled in with. The limit is in picodollars, the pace of streams in milliseconds."""

    target: Target
    price: Price
    model: str
    limit: int
    pace_ms: int
    sibling: str  # the public id of another key
    names: tuple[str, ...] = ()  # everything else by which the gateway may know that key or its owner
    least: bool = False  # only one way of each sort
    thorough: bool = False

    def max_output(self) -> int:
        """Tokens that the provider makes at most."""
        return self.target.models[self.model].max_output


def ways(scene: Scene) -> tuple[Way, ...]:
    """Every way that has a meaning for the target."""
    parts: tuple[Callable[[Scene], Iterator[Way]], ...] = (
        _endpoints, _worst_cases, _multiplied, _models, _identities, _small_sums, _hidden, _leavers, _slow_readers, _faults,
    )  # fmt: skip
    return tuple(way for part in parts for way in part(scene))


def _endpoints(scene: Scene) -> Iterator[Way]:
    """Every billable endpoint but the one that all other probes use, and streams of those that stream."""
    for kind in dict.fromkeys(e.kind for e in scene.target.inference if e.billable):
        if kind in {"chat", "models"} or (
            kind == "embeddings" and not (scene.price.prompt or scene.price.call)
        ):
            continue  # prompts that cost nothing can exceed nothing
        size = 4 * PROMPT_SIZE if kind == "embeddings" else PROMPT_SIZE
        shape = Shape(kind=kind, size=size, generated=0 if kind == "embeddings" else MAX_TOKENS)
        yield Way(name=f"calls of {kind}", family="endpoint", shape=shape)
        if kind in _STREAMED:
            yield Way(name=f"streams of {kind}", family="endpoint", shape=Shape(kind=kind, stream=True))


def _leap(name: str, shape: Shape) -> Way:
    return Way(name=name, family="worst case", shape=shape, kind="leap")


def _worst_cases(scene: Scene) -> Iterator[Way]:
    """Calls that cost more than the limit, each by something else that a hold must reckon with."""
    most = scene.max_output()
    usual = f'"max_tokens":{MAX_TOKENS}'
    choices = _choices(scene)
    made = choices * MAX_TOKENS
    yield _leap(f"one call for {choices} answers", Shape(fields=f'{usual},"n":{choices}', generated=made))
    size = min(_MOST_PROMPT, 4 * (scene.limit * 2 // max(1, scene.price.prompt)) + PROMPT_SIZE)
    yield _leap("one call with a long prompt", Shape(size=size))
    bounds = {"without max_tokens": "", "with max_tokens -5": '"max_tokens":-5'}
    if not scene.least:
        bounds |= {
            "with max_tokens 0": '"max_tokens":0',
            "with max_tokens as a fraction": '"max_tokens":1.5',
            "with max_tokens as a string": '"max_tokens":"1"',
            "with max_tokens null": '"max_tokens":null',
            "with max_tokens 1e9": '"max_tokens":1e9',
            "with max_completion_tokens -5": '"max_completion_tokens":-5',
        }
    if scene.thorough:
        others = ("0", "1.5", '"1"', "null")
        bounds |= {f"with max_completion_tokens {o}": f'"max_completion_tokens":{o}' for o in others}
    for what, fields in bounds.items():
        yield _leap(f"one call {what}", Shape(fields=fields, fault=f"verbose-{most}", generated=most))
    twice = f'"max_tokens":1,"max_tokens":{most}'
    yield _leap("one call with max_tokens twice", Shape(fields=twice, generated=most))
    both = f'"max_tokens":1,"max_completion_tokens":{most}'
    yield _leap("one call with two bounds, the first one small", Shape(fields=both, generated=most))
    if scene.thorough:
        yield _leap("one call with n twice", Shape(fields=f'{usual},"n":1,"n":{choices}', generated=made))
        yield _leap(
            "one stream without max_tokens",
            Shape(stream=True, fields="", fault=f"verbose-{most}", generated=most),
        )
        yield _leap(
            f"one stream of {choices} answers",
            Shape(stream=True, fields=f'{usual},"n":{choices}', generated=made),
        )


def _multiplied(scene: Scene) -> Iterator[Way]:
    """What makes one call several on endpoints beside chat, and calls that bound nothing there."""
    most = scene.max_output()
    choices = _choices(scene)
    shape = partial(Shape, kind="completions", generated=choices * MAX_TOKENS)
    usual = f'"max_tokens":{MAX_TOKENS}'
    if scene.target.endpoint("completions") is not None:
        yield _leap(f"one completion for the best of {choices}", shape(fields=f'{usual},"best_of":{choices}'))
        yield _leap(f"one completion of {choices} prompts", shape(fields=usual, prompts=choices))
        if not scene.least:
            yield _leap(f"one completion for {choices} answers", shape(fields=f'{usual},"n":{choices}'))
    for kind in ("completions", "responses"):
        if not scene.least and scene.target.endpoint(kind) is not None:
            unbounded = Shape(kind=kind, fields="", fault=f"verbose-{most}", generated=most)
            yield _leap(f"one call of {kind} without a bound", unbounded)


def _choices(scene: Scene) -> int:
    """How many answers cost more than the limit twice over, within what providers make."""
    one = max(1, MAX_TOKENS * scene.price.completion)
    return min(_MOST_CHOICES, scene.limit * 2 // one + 2)


def _models(scene: Scene) -> Iterator[Way]:
    """Names that have no price, or perhaps none; and every other model that the target file prices."""
    names = {
        "a model that nobody priced": f"{scene.model}-{_NOWHERE}",
        "the model's name with a variant": f"{scene.model}:free",
        "the model's name with a maker before it": f"openai/{scene.model}",
    }
    for what, name in names.items():
        if name not in scene.target.models:
            yield Way(name=f"calls of {what}", family="model", shape=Shape(model=name))


def _identities(scene: Scene) -> Iterator[Way]:
    """Calls that say they are somebody else's."""
    headers: Mapping[str, str] = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-User": scene.sibling,
        "X-User-Id": scene.sibling,
        "OpenAI-Organization": scene.sibling,
        "OpenAI-Project": scene.sibling,
    }
    usual = f'"max_tokens":{MAX_TOKENS}'
    yield _drain("calls with headers of another caller", "identity", Shape(headers=headers))
    for number, name in enumerate(dict.fromkeys((scene.sibling, *scene.names)), start=1):
        what = "calls in the name of another user" + (f", name {number}" if number > 1 else "")
        yield _drain(what, "identity", Shape(fields=f'{usual},"user":{json.dumps(name)}'))
    labels = f'{usual},"metadata":{{"user_id":"{scene.sibling}","key":"{scene.sibling}"}}'
    yield _drain("calls labelled with another key", "identity", Shape(fields=labels))


def _drain(name: str, family: Family, shape: Shape) -> Way:
    return Way(name=name, family=family, shape=shape, exact=False)


def _small_sums(scene: Scene) -> Iterator[Way]:
    """The cheapest calls there are, which rounding may lose."""
    shape = Shape(size=0, fields='"max_tokens":1', generated=1)
    yield Way(name="the smallest calls", family="small sums", shape=shape)


def _hidden(scene: Scene) -> Iterator[Way]:
    """Answers whose tokens are in no text, or are told apart in usage: reasoning, audio, and what came from a cache."""
    shapes = {
        "answers of reasoning tokens": Shape(fault="reasoning-usage"),
        "streams of reasoning tokens": Shape(fault="reasoning-usage", stream=True),
        "answers of audio tokens": Shape(fault="audio-usage"),
    }
    for what, shape in shapes.items():
        yield Way(name=what, family="hidden tokens", shape=shape, exact=False, room=2)
    cached = Shape(fault="cached-usage", size=_CACHED_SIZE, fields='"max_tokens":1', generated=1)
    yield Way(name="answers to prompts in the provider's cache", family="hidden tokens", shape=cached)


def _slow_readers(scene: Scene) -> Iterator[Way]:
    """Callers that do not read until all that lies between them and the provider is full."""
    fields = f'"max_tokens":{min(_SLOW_TOKENS, scene.max_output())}'
    stream = Shape(stream=True, fault=f"padded-{_SLOW_PADDING}", fields=fields, generated=_SLOW_TOKENS)
    patience = max(_LATENCIES * scene.pace_ms / 1000, _SHORTEST) * (4 if scene.thorough else 1)
    patience = min(patience, _LONGEST)
    for name, reads_on in (("streams that are read slowly", True), ("streams left by a slow reader", False)):
        yield Way(name=name, family="abort", shape=stream, patience=patience, reads_on=reads_on)


def _leavers(scene: Scene) -> Iterator[Way]:
    """Callers that go away before their answer is whole; the provider goes on, and bills it."""
    stream = Shape(stream=True, fault=f"paced-{scene.pace_ms}")
    told = {"first": "after the first event", "middle": "in the middle", "last": "before the last event"}
    for at in ("first", "middle", "last"):
        for by in ("FIN", "RST"):
            if scene.thorough or (at, by) in {("first", "RST"), ("middle", "FIN")}:
                name = f"streams left {told[at]}, by {by}"
                yield Way(name=name, family="abort", shape=stream, leave=(at, by), exact=False)
    slow = Shape(fault=f"slow-{10 * scene.pace_ms}")
    yield Way(
        name="calls left before their answer",
        family="abort",
        shape=slow,
        leave=("waiting", "FIN"),
        exact=False,
    )


def _faults(scene: Scene) -> Iterator[Way]:
    """Providers whose answer does not say, or not to the end, what they will bill."""
    shapes = {
        "answers without usage": Shape(fault="omit-usage"),
        "streams without usage": Shape(fault="omit-usage", stream=True),
        "streams that the provider cuts": Shape(fault="cut", stream=True),
    }
    if scene.thorough:
        shapes |= {
            "answers that the provider cuts": Shape(fault="cut"),
            "streams that the provider resets": Shape(fault="reset", stream=True),
            "answers that are no JSON": Shape(fault="malformed"),
        }
    for what, shape in shapes.items():
        yield Way(name=what, family="fault", shape=shape, exact=False, late=True)
    yield Way(
        name="calls among answers with usage below zero",
        family="fault",
        shape=Shape(fault="negative-usage"),
        counted=False,
        exact=False,
        late=True,
    )
