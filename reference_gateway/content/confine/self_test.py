"""The confined process tries what it must not be able to do. Asked is not granted.

Every act must fail with the very errno that its wall gives: another one would mean that something else stood
in the way this time. What this needs is imported with it; it opens nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from reference_gateway.content.confine.acts import ACTS, Act, Ground


class Wall(Enum):
    """Which wall has to refuse. `LANDLOCK` can be seen at work only where there is no filter, which answers
    first: before it is loaded, or where it is left out."""

    FILTER = auto()
    LANDLOCK = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act."""

    act: Act
    answer: int  # as `kernel.call` gives it
    expected: int | None  # the wall's errno, or None where this wall leaves the act open

    @property
    def refused(self) -> bool:
        """By the wall, and by nothing else."""
        return self.expected is not None and self.answer == -self.expected


def not_refused(wall: Wall = Wall.FILTER, *, abi: int = 0, acts: Sequence[Act] = ACTS) -> tuple[Act, ...]:
    """The acts that `wall` did not refuse; none is as it should be. All of them take about a millisecond.

    `abi` is Landlock's, for that wall. The caller must end the process if an act is returned that its walls
    promise to refuse.
    """
    ground = Ground()
    tried = (Outcome(act, act.attempt(ground), expected(act, wall, abi)) for act in acts)
    return tuple(one.act for one in tried if not one.refused)


def expected(act: Act, wall: Wall, abi: int = 0) -> int | None:
    """The errno with which `wall` refuses, or None where it leaves the act open."""
    if wall is Wall.FILTER:
        return act.by_filter
    if act.by_landlock is None or act.by_landlock.since > abi:
        return None
    return act.by_landlock.error
