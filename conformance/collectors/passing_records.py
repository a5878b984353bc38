"""Records that name a key, cut out of a surface's bytes while they pass by on their way into the scan: read once, for both."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from conformance.collectors.streams import Item, Missed
from conformance.scan.records import Mentions, Record, records_of_text, settings_of_text

_PIECE = 1 << 24  # bytes of an item that are held at once
_OVERLAP = 1 << 13  # of the piece before, for a record that lies in both


class PassingRecords:
    """What was found about keys in what passed by: records by the label of the key that they name, and what lies beside them."""

    def __init__(self, identifiers: Mapping[str, Sequence[bytes]]) -> None:
        """`identifiers` are those of each key, by its label."""
        self.found: dict[str, list[Record]] = {label: [] for label in identifiers}
        self.beside: list[Record] = []
        self._identifiers = identifiers
        self._mentions = Mentions(one for own in identifiers.values() for one in own)

    def watch(self, items: Iterable[Item | Missed]) -> Iterator[Item | Missed]:
        """The same items; whoever reads one shows it to us too."""
        for item in items:
            yield replace(item, open=self._opener(item)) if isinstance(item, Item) else item

    def _opener(self, item: Item) -> "_Opener":
        return _Opener(item, self)

    def look(self, item: str, data: bytes, *, first: bool) -> None:
        """Cut the records out of a piece of an item."""
        if first:
            self.beside.append(settings_of_text(item, data))
        if self._mentions.may_lie_in(data):
            for label, own in self._identifiers.items():
                self.found[label].extend(records_of_text(item, data, own))


class _Opener:
    """Opens an item for somebody else, and gathers what that one reads into pieces."""

    def __init__(self, item: Item, records: PassingRecords) -> None:
        self._item = item
        self._records = records
        self._held: list[bytes] = []
        self._size = 0
        self._first = True

    def __call__(self) -> Iterator[bytes]:
        try:
            for chunk in self._item.open():
                self._held.append(chunk)
                self._size += len(chunk)
                if self._size >= _PIECE:
                    self._look()
                yield chunk
        finally:
            self._look()  # what came before trouble counts all the same

    def _look(self) -> None:
        data = b"".join(self._held)
        self._records.look(self._item.name, data, first=self._first)
        self._first, self._held, self._size = False, [data[-_OVERLAP:]], min(len(data), _OVERLAP)
