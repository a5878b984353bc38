"""How long refusals of keys took. No secret is in here."""

from conformance.model.evidence import Evidence
from conformance.model.presented import State
from conformance.two_samples import Difference, difference, looks

ALPHA = 0.001  # of a false alarm, for all states together
# "… an attacker can measure the timing of events with 15-100 µs accuracy across the Internet": S. A. Crosby, D. S. Wallach and
# R. H. Riedi, Opportunities and Limits of Remote Timing Attacks, ACM TISSEC 12(3), 2009. Whatever is above is for everybody.
MARGIN = 100.0  # microseconds


class RefusalTimes(Evidence, frozen=True, kw_only=True):
    """Microseconds from a request to the head of its refusal, one for each state in every round, in the order of `states`.

    The order of the requests within a round was drawn anew each time. `most` rounds were meant to be taken. `asked`: this look
    was asked for.
    """

    asked: bool = True
    endpoint: str = ""
    states: tuple[State, ...] = ()
    rounds: tuple[tuple[int, ...], ...] = ()
    most: int = 1
    served_before: bool = False
    served_after: bool = False
    trouble: str = ""  # what ended it before its time

    def seen(self) -> int:
        """Rounds taken."""
        return len(self.rounds)

    def times(self, state: State) -> tuple[int, ...]:
        """Those of one state by round."""
        place = self.states.index(state)
        return tuple(taken[place] for taken in self.rounds)

    def differences(self) -> dict[State, Difference]:
        """By how much each state takes longer than the first, in microseconds; empty before the first look."""
        first, *others = self.states or (None,)
        if first is None or not others or len(self.rounds) < looks(self.most)[0]:
            return {}
        alpha = ALPHA / len(others)
        return {
            other: difference(
                self.times(first), self.times(other), alpha=alpha, margin=MARGIN, most=self.most
            )
            for other in others
        }
