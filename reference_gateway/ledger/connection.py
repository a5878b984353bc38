"""What the ledger remembers of one content worker, and what it takes for a breach of the protocol."""

from collections import OrderedDict

from reference_gateway.ledger import wire
from reference_gateway.ledger.numbers import Numbers
from reference_gateway.ledger.wire import Finished, Reserve


class BreachError(Exception):
    """An honest worker never says this; nothing more is heard from this one."""


class Connection:
    """One worker's standing with the ledger. A hold is good on the connection that got it, and nowhere else."""

    __slots__ = ("_ended", "_holds", "_numbers", "_proven", "broken", "epoch")

    def __init__(self, epoch: bytes) -> None:
        self.epoch = epoch
        self.broken = False
        self._proven: dict[int, int] = {}
        self._holds: set[int] = set()
        # The latest holds that were settled, oldest first. A dict would look for its first key behind all that
        # were taken out before.
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._numbers = Numbers()

    def prove(self, key_id: int, generation: int) -> None:
        """The worker has shown this key. Raises BreachError at more keys than one worker can need."""
        self._proven[key_id] = generation
        if len(self._proven) > wire.MAX_KEYS:
            raise BreachError

    def check_reserve(self, message: Reserve, models: int) -> None:
        """Raises BreachError unless the key was shown here and the model is one of so many.

        A generation before the one that was shown last is honest: the key was rotated meanwhile. The
        storage refuses it.
        """
        shown = self._proven.get(message.key_id, 0)
        if not 0 < message.generation <= shown or message.model >= models:
            raise BreachError

    def hold(self, rid: int) -> None:
        """The worker was given this hold."""
        self._holds.add(rid)

    def release(self, rid: int) -> bool:
        """The worker ends a hold; False where it did so before. Raises BreachError at somebody else's."""
        if rid not in self._holds:
            if rid in self._ended:
                return False
            raise BreachError
        self._holds.remove(rid)
        self._ended[rid] = None
        if len(self._ended) > wire.WINDOW:
            self._ended.popitem(last=False)
        return True

    def finish(self, message: Finished) -> int:
        """The id of a request that is over. Raises BreachError at a number that is not free or too far on."""
        if not self._numbers.take(message.number):
            raise BreachError
        return wire.request_id(self.epoch, message.number)

    def abandon(self) -> tuple[int, ...]:
        """The holds that are still open, for nothing more will be heard of them."""
        self.broken = True
        open_holds = tuple(sorted(self._holds))
        self._holds.clear()
        return open_holds
