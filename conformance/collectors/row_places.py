"""The way back from an offset into rows that were read one after another to the row and column that it lies in."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

_MOST = 1 << 22  # values of which the places are kept: 32 MiB


class RowPlaces:
    """Where each value of each row begins. Rows have as many values as there are columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Begin at offset 0."""
        self._columns = columns
        self._starts = array("q")
        self._at = 0
        self._rows = 0

    def row(self, lengths: Iterable[int], apart: int) -> None:
        """The next row: how long each of its values is, each followed by `apart` bytes."""
        self._rows += 1
        for length in lengths:
            if len(self._starts) < _MOST:
                self._starts.append(self._at)
            self._at += length + apart

    def place(self, offset: int) -> str:
        """Column and row, counted from 1; of a large table no more than that it is far behind."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or not self._columns:
            return ""
        row, column = divmod(index, len(self._columns))
        if len(self._starts) == _MOST and index == _MOST - 1:
            return f"beyond row {row:,}"
        return f"{self._columns[column]} row {row + 1}"
