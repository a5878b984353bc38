"""A state machine that thinks up sequences of acts on keys, and shortens those after which a bill was beyond its limit.

The library is hypothesis, whose machines are synchronous: each of its steps is played on the audit's event loop, while the
machine waits in a thread.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from conformance.probes.spending.acts import Step

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

_MOST_ADMITTED = 3  # calls that a limit admits beside what is held back
_MOST_CALLS = 16  # of one step: a gateway that holds back much exceeds a limit only by many
_MOST_KEYS = 2  # of one sequence

Begin = Callable[[], None]
Play = Callable[[Step], None]


def machine(begin: Begin, play: Play, *, changes: bool, at_once: int) -> "type[RuleBasedStateMachine]":
    """The machine. `begin` is called before each sequence, `play` for each step.

    `changes`: whether limits can be changed; `at_once`: how many calls at most arrive together, at least 2.
    """
    from hypothesis import strategies as st
    from hypothesis.stateful import Bundle, RuleBasedStateMachine, precondition, rule

    class Spending(RuleBasedStateMachine):
        """Keys are made, limited, called in every way, and revoked, in any order."""

        keys = Bundle("keys")

        def __init__(self) -> None:
            super().__init__()
            self._made = 0
            begin()

        @precondition(lambda self: self._made < _MOST_KEYS)
        @rule(target=keys, amount=st.integers(1, _MOST_ADMITTED))
        def make(self, amount: int) -> int:
            play(Step(what="key", key=self._made, amount=amount))
            self._made += 1
            return self._made - 1

        @rule(key=keys, many=st.integers(1, _MOST_CALLS))
        def call(self, key: int, many: int) -> None:
            play(Step(what="call", key=key, amount=many))

        @rule(key=keys, many=st.integers(1, _MOST_CALLS))
        def stream(self, key: int, many: int) -> None:
            play(Step(what="stream", key=key, amount=many))

        @rule(key=keys, many=st.integers(1, _MOST_CALLS))
        def leave(self, key: int, many: int) -> None:
            play(Step(what="leave", key=key, amount=many))

        @rule(key=keys, size=st.integers(2, at_once))
        def burst(self, key: int, size: int) -> None:
            play(Step(what="burst", key=key, amount=size))

        @precondition(lambda _: changes)
        @rule(key=keys, amount=st.integers(0, _MOST_ADMITTED))
        def limit(self, key: int, amount: int) -> None:
            play(Step(what="limit", key=key, amount=amount))

        @precondition(lambda self: self._made == _MOST_KEYS)
        @rule(key=keys)
        def revoke(self, key: int) -> None:
            play(Step(what="revoke", key=key))

    return Spending


def search(found: "type[RuleBasedStateMachine]", *, seed: int, sequences: int, steps: int) -> None:
    """Run the machine. Whatever it raises in the end was seen by `play` before; nothing is printed, nothing is kept."""
    import hypothesis
    from hypothesis import HealthCheck, Phase, Verbosity, settings
    from hypothesis.reporting import with_reporter
    from hypothesis.stateful import run_state_machine_as_test

    chosen = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=tuple(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    with with_reporter(lambda _: None):
        run_state_machine_as_test(hypothesis.seed(seed)(found), settings=chosen)
