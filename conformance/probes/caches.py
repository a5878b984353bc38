"""Is an answer ever given twice? Calls that resemble earlier ones, by the same key and by another, counted at the provider.

Prompts hold no canary: a cache that looks at meaning would take two with different canaries for different prompts. The
provider's answers are never the same twice, so an answer that came back before was kept.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conformance.catalogue import Cost, Phase, observes
from conformance.model.egress import KeptAnswers, Repeat
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.alike import QUESTIONS, Alike, alike
from conformance.probes.assembled import answer_text
from conformance.probes.calls import Asked
from conformance.probes.door import Answer, Reply
from conformance.probes.heads import Head, telling_headers
from conformance.session import Session
from conformance.target import Target

_AMPLE = 10**13  # picodollars
_MOST_TOKENS = 32
_REQUESTS = 8 + 3 + 4 + 5 + 2 + 2 + 3  # of the chains below, in their order
_CREATIONS = 4  # of two keys
_TOGETHER_SECONDS = 0.3
_NONE: Mapping[str, str] = {}


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_REQUESTS + _CREATIONS)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def kept_answers(session: Session) -> KeptAnswers:
    """Ask alike things again."""
    first = await calls.key_for(session, "asks", _AMPLE)
    second = await calls.key_for(session, "asks-too", _AMPLE) if session.key_api is not None else None
    sentences = [alike(number, session.random) for number in range(QUESTIONS)]
    dressed = await _dressed(session, sentences[0], first)
    names, telling = telling_headers(dressed.heads)
    repeats = [*dressed.repeats]
    repeats += await _streamed(session, sentences[1], first)
    repeats += await _named_as_one(session, sentences[2], first, second)
    if second is not None:
        repeats += await _across(session, sentences[3], sentences[4], first, second)
        repeats += await _at_once(session, sentences[5], first, second)
    if session.target.endpoint("embeddings") is not None:
        repeats += await _embedded(session, sentences[6], first, second)
    owner = session.key_api.dialect.limit_owner if session.key_api is not None else "key"
    return KeptAnswers(
        repeats=tuple(repeats), keys=1 + (second is not None), owner=owner, headers=names, telling=telling
    )


@dataclass(slots=True)
class _Chain:
    """Calls that belong together: all of them hold `name`. The first of them is like none before it."""

    session: Session
    name: str
    told: list[tuple[str, str]] = field(default_factory=list)  # key, and text of its answer, so far
    repeats: list[Repeat] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)

    async def ask(
        self,
        text: str,
        key: str,
        how: str = "",
        *,
        scope: Literal["one key", "two keys"] = "one key",
        stream: bool = False,
        embed: bool = False,
        headers: Mapping[str, str] | None = None,
        **more: bool,
    ) -> None:
        """Ask; `how` says in what the call resembles the ones before it, and is empty for one that resembles none."""
        if embed:
            asked = _embedding(self.session, text, key)
        else:
            asked = _asked(self.session, text, key, stream=stream, headers=headers or _NONE)
        since = self.session.provider().mark()
        reply = await calls.send(self.session, asked)
        told = _told(reply)
        self.heads += [(text, reply.headers)] if isinstance(reply, Answer) and calls.whole(reply) else ()
        others = {before for asking, before in self.told if asking != key}
        own = {before for asking, before in self.told if asking == key}
        if how:
            self.repeats.append(
                Repeat(
                    how=how,
                    # What this key itself was told before was kept for it, and crossed to nobody.
                    scope="one key" if told in own - others else scope,
                    told=calls.told(reply),
                    served=calls.whole(reply),
                    reached=_times(self.session, self.name, since) > 0,
                    given_again=told in own | others,
                    **more,
                )
            )
        self.told += [(key, told)] if told else ()


async def _dressed(session: Session, sentence: Alike, key: str) -> _Chain:
    chain = _Chain(session, sentence.name)
    await chain.ask(sentence.plain, key)
    await chain.ask(sentence.shouted(), key, "in capitals")
    await chain.ask(sentence.spaced(), key, "with more blanks")
    await chain.ask(sentence.unpunctuated(), key, "without punctuation")
    await chain.ask(sentence.reworded, key, "with one word replaced")
    await chain.ask(sentence.paraphrased, key, "in other words")
    await chain.ask(sentence.plain, key, "the same, after other calls")
    await chain.ask(sentence.plain, key, "the same, at once")
    return chain


async def _streamed(session: Session, sentence: Alike, key: str) -> list[Repeat]:
    chain = _Chain(session, sentence.name)
    await chain.ask(sentence.plain, key, stream=True)
    await chain.ask(sentence.plain, key, "a stream, asked again as one", stream=True)
    await chain.ask(sentence.plain, key, "a stream, asked again as a whole")
    return chain.repeats


async def _named_as_one(session: Session, sentence: Alike, key: str, other: str | None) -> list[Repeat]:
    """Calls with an idempotency key: what the caller itself calls one call may be answered once, within one tenant."""
    chain = _Chain(session, sentence.name)
    headers = {"idempotency-key": secrets.token_hex(16)}
    named = "with the same idempotency key"
    await chain.ask(sentence.plain, key, headers=headers)
    await chain.ask(
        sentence.plain, key, f"the same {named}", headers=headers, asked_for=True, may_refuse=True
    )
    await chain.ask(sentence.paraphrased, key, f"another prompt {named}", headers=headers, may_refuse=True)
    if other is not None:
        await chain.ask(
            sentence.plain, other, f"the same {named}", scope="two keys", headers=headers, may_refuse=True
        )
    return chain.repeats


async def _across(session: Session, sentence: Alike, streaming: Alike, key: str, other: str) -> list[Repeat]:
    """One key asks, another asks alike."""
    whole, streamed = _Chain(session, sentence.name), _Chain(session, streaming.name)
    await whole.ask(sentence.plain, key)
    for text, how in (
        (sentence.plain, "the same"),
        (sentence.spaced().upper(), "in capitals, with more blanks"),
        (sentence.reworded, "with one word replaced"),
        (sentence.paraphrased, "in other words"),
    ):
        await whole.ask(text, other, how, scope="two keys")
    await streamed.ask(streaming.plain, key, stream=True)
    await streamed.ask(streaming.plain, other, "a stream", scope="two keys", stream=True)
    return [*whole.repeats, *streamed.repeats]


async def _at_once(session: Session, sentence: Alike, key: str, other: str) -> list[Repeat]:
    """Two keys ask the same while neither was answered: the provider answers when both calls are there, or after a while."""
    since = session.provider().mark()
    asked = [_asked(session, sentence.plain, secret) for secret in (key, other)]
    async with session.provider().holding(sentence.name, len(asked), _TOGETHER_SECONDS):
        replies = await asyncio.gather(*(calls.send(session, one) for one in asked))
    told = [_told(reply) for reply in replies]
    return [
        Repeat(
            how="the same, at the same time",
            scope="two keys",
            told=calls.told(replies[1]),
            served=all(map(calls.whole, replies)),
            reached=_times(session, sentence.name, since) >= len(asked),
            given_again=bool(told[0]) and told[0] == told[1],
        )
    ]


async def _embedded(session: Session, sentence: Alike, key: str, other: str | None) -> list[Repeat]:
    """The same text to be embedded. Vectors are not compared: those of a real model are the same each time."""
    chain = _Chain(session, sentence.name)
    await chain.ask(sentence.plain, key, embed=True)
    await chain.ask(sentence.plain, key, "an embedding", embed=True)
    if other is not None:
        await chain.ask(sentence.plain, other, "an embedding", scope="two keys", embed=True)
    return chain.repeats


def _times(session: Session, name: str, since: int) -> int:
    """How many calls with the name in it the provider got, whatever became of the words around it."""
    token = name.lower().encode()
    return sum(token in call.body.lower() for call in session.provider().calls[since:])


def _asked(
    session: Session, text: str, key: str, *, stream: bool = False, headers: Mapping[str, str] = _NONE
) -> Asked:
    body: dict[str, Any] = {
        "model": calls.model_of(session),
        "messages": [{"role": "user", "content": text}],
        "max_tokens": _MOST_TOKENS,
    }
    if stream:
        body["stream"] = True
    return Asked(
        atom="", path=calls.chat_path(session), body=body, headers={**session.door.auth(key), **headers}
    )


def _embedding(session: Session, text: str, key: str) -> Asked:
    return Asked(
        atom="",
        path=session.target.endpoint("embeddings") or "",
        body={"model": calls.model_of(session), "input": text},
        headers=session.door.auth(key),
    )


def _told(reply: Reply) -> str:
    return answer_text(reply) if isinstance(reply, Answer) and calls.whole(reply) else ""
