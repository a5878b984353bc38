"""Streams under way, by key, so that a revoked key's end at once."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

End = Callable[[], None]


class OpenStreams:
    """Who is to be told when a key is revoked. Lives on one event loop."""

    def __init__(self) -> None:
        self._ends: defaultdict[int, set[End]] = defaultdict(set)

    @contextmanager
    def entered(self, key_id: int, end: End) -> Iterator[None]:
        """While inside, `end` is called if the key is revoked."""
        self._ends[key_id].add(end)
        try:
            yield
        finally:
            self._ends[key_id].discard(end)
            if not self._ends[key_id]:
                del self._ends[key_id]

    def revoke(self, key_id: int) -> None:
        """Ends every open stream of the key."""
        for end in tuple(self._ends.get(key_id, ())):
            end()
