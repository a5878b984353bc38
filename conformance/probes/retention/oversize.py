"""Oversize requests: bodies that gateways spool, as much of them text as the declared money allows."""

from collections.abc import Iterator
from functools import partial

from conformance.model.money import from_usd, price_per_token
from conformance.probes.retention import bodies
from conformance.probes.retention.bodies import Ask
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.path import Path, heavy, huge
from conformance.target import Target

KIB, MIB = 2**10, 2**20
_OF_MONEY = 10  # a part in ten of the money may go to the prompts of one oversize path
_PADDED = 16 * KIB  # characters of text where there is no money for more: its copies lie 8 KiB apart


def large(target: Target) -> Iterator[Path]:
    """Paths for bodies of three sizes; a gateway may refuse them."""
    for size, name, count in (
        (40 * KIB, "over 32 KB", heavy),
        (MIB + 64 * KIB, "over 1 MB", heavy),
        (10 * MIB + 64 * KIB, "over 10 MB", huge),
    ):
        yield Path(
            name=name,
            kind="forwarded",
            write=partial(_oversize, size=size),
            may=frozenset({"forwarded", "rejected"}),
            count=count,
            bulk=partial(_texts, target, size=size),
        )


def _affordable(target: Target, size: int) -> int:
    """How many prompts of so many bytes the declared money allows, at one token a byte."""
    model = target.models[target.witness_models()[0]] if target.witness_models() else None
    if model is None or not model.prompt_price:
        return 0
    room = from_usd(target.limits.money) // _OF_MONEY
    return room // max(1, price_per_token(model.prompt_price) * size)


def _texts(target: Target, count: int, *, size: int) -> int:
    """Bytes of text in so many oversize requests: the first have as much as the money allows."""
    whole = min(count, _affordable(target, size))
    return whole * size + (count - whole) * min(size, _PADDED)


def _oversize(writer: Writer, size: int) -> Letter:
    """A body of this size at least; what is not text is blanks, which gateways read and spool all the same."""
    text = size if writer.number < _affordable(writer.session.target, size) else min(size, _PADDED)
    return writer.letter(bodies.chat(writer, Ask(size=text)), before=size - text)
