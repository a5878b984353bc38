"""Which numbers of a growing sequence were used, in bounded memory. Both ends of a channel keep count alike."""

from reference_gateway.ledger.wire import WINDOW


class Numbers:
    """Numbers from 0 on, each to be used once, out of order only so far.

    A number can be taken while fewer than WINDOW free numbers lie below it. Free numbers are counted, not
    how far they are apart: a request that lasts may be overtaken by any number of others.
    """

    __slots__ = ("_gaps", "_top")

    def __init__(self) -> None:
        self._gaps: set[int] = set()  # free numbers below _top
        self._top = 0

    def take(self, number: int) -> bool:
        """Uses a number; False, and nothing done, where it was used before or lies too far ahead."""
        if number < self._top:
            free = number in self._gaps
            self._gaps.discard(number)
            return free
        if len(self._gaps) + number - self._top >= WINDOW:
            return False
        self._gaps.update(range(self._top, number))
        self._top = number + 1
        return True
