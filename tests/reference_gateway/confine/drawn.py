"""Policies and system calls for property tests."""

from hypothesis import strategies as st

from reference_gateway.content.confine.policy import Among, Policy
from reference_gateway.content.confine.policy import Tested as Conditional
from reference_gateway.content.confine.syscalls import AARCH64, X86_64, Architecture
from tests.reference_gateway.confine.machine import Call

architectures = st.sampled_from([X86_64, AARCH64])
halves = st.integers(0, 2**32 - 1)
# Half of the arguments are small, as real ones are, or have but one half.
words = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 2048), halves, halves.map(lambda half: half << 32)
)
arguments = st.tuples(words, words, words, words, words, words)

names = st.sampled_from(sorted(set(X86_64.numbers) & set(AARCH64.numbers)))
conditions = st.builds(
    Among,
    st.integers(0, 5),
    st.lists(halves, min_size=1, max_size=4, unique=True).map(tuple),
    st.one_of(st.just(0xFFFFFFFF), halves),
    st.booleans(),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy whose tables do not overlap."""
    spoken = draw(st.lists(names, min_size=3, max_size=24, unique=True))
    first, second = sorted((draw(st.integers(0, len(spoken))), draw(st.integers(0, len(spoken)))))
    tested = tuple(
        Conditional(
            name,
            tuple(draw(st.lists(conditions, min_size=1, max_size=3))),
            draw(st.integers(1, 120)),
            draw(st.booleans()),
        )
        for name in spoken[second:]
    )
    return Policy(
        allowed=tuple(spoken[:first]),
        absent=tuple(spoken[first:second]),
        tested=tested,
        otherwise=draw(st.integers(1, 120)),
    )


@st.composite
def calls(draw: st.DrawFn, policy: Policy, architecture: Architecture) -> Call:
    """Mostly of numbers that the policy speaks of, with arguments that make its conditions hold or just not."""
    values = sorted({value for one in policy.tested for c in one.conditions for value in c.values})
    likely = st.sampled_from(values) if values else halves
    word = st.one_of(
        words, likely, likely.map(lambda half: half << 32), st.tuples(likely, likely).map(_joined)
    )
    number = st.one_of(st.sampled_from(sorted(architecture.numbers.values())), halves)
    return Call(
        draw(number),
        draw(st.tuples(word, word, word, word, word, word)),
        draw(st.sampled_from([architecture.audit] * 8 + [0])),
    )


def _joined(pair: tuple[int, int]) -> int:
    return pair[0] << 32 | pair[1]
