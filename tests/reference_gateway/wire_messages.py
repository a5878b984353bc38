"""Every message that can cross between the planes, as strategies for property tests."""

from typing import Final

from hypothesis import strategies as st

from reference_gateway.ledger.wire import (
    EPOCH,
    MAX_COMPLETION,
    MAX_MODELS,
    MAX_PROMPT,
    ROUTES,
    STATUSES,
    TAIL,
    AskBalance,
    Authorise,
    Balance,
    Endpoint,
    Finished,
    Greeting,
    Held,
    Outcome,
    Refused,
    Reserve,
    Revoked,
    Settle,
    Standing,
    Why,
    paced,
)

IDS: Final = st.integers(0, 2**64 - 1)
NUMBERS: Final = st.integers(0, 2**32 - 1)
AMOUNTS: Final = st.integers(0, 2**63 - 1)
TAILS: Final = st.binary(min_size=TAIL, max_size=TAIL)
ENDPOINTS: Final = st.sampled_from(Endpoint)
PACES: Final = st.integers(-1, 10**8).map(paced)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, int]:
    """Tokens as a provider may report them: what was cached and written is part of the prompt."""
    prompt = draw(st.integers(0, MAX_PROMPT))
    cached = draw(st.integers(0, prompt))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": draw(st.integers(0, MAX_COMPLETION)),
        "cached_tokens": cached,
        "written_tokens": draw(st.integers(0, prompt - cached)),
    }


RESERVES: Final = st.builds(
    Reserve,
    key_id=IDS,
    generation=NUMBERS,
    limited=st.booleans(),
    endpoint=ENDPOINTS,
    model=st.integers(0, MAX_MODELS - 1),
    prompt_bound=st.integers(0, MAX_PROMPT),
    completion_bound=st.integers(0, MAX_COMPLETION),
)
QUESTIONS: Final = st.one_of(
    st.builds(Authorise, IDS, TAILS, ENDPOINTS), st.builds(AskBalance, IDS, TAILS), RESERVES
)
SETTLES: Final = st.builds(
    lambda rid, outcome, usage: Settle(rid=rid, outcome=outcome, **usage),
    IDS,
    st.sampled_from(Outcome),
    usages(),
)
FINISHES: Final = st.builds(
    Finished,
    number=NUMBERS,
    route=st.sampled_from(ROUTES),
    status=st.sampled_from(STATUSES),
    milliseconds=PACES,
)
NOTICES: Final = SETTLES | FINISHES
ANSWERS: Final = st.one_of(
    st.builds(Standing, IDS, AMOUNTS, st.booleans()),
    st.builds(Held, IDS),
    st.builds(Refused, st.sampled_from(Why)),
    st.builds(
        Balance,
        key_id=IDS,
        period=st.integers(0, 255),
        limit=st.none() | AMOUNTS,
        spent=AMOUNTS,
        reserved=AMOUNTS,
        total=AMOUNTS,
        expires_at=st.none() | AMOUNTS,
    ),
)
NEWS: Final = st.one_of(
    st.builds(Greeting, st.binary(min_size=EPOCH, max_size=EPOCH)), st.builds(Revoked, IDS)
)
