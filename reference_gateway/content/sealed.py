"""Content in transit: it has a length and nothing else.

Sealed bytes have no text form but their size, no comparison, no pickle, no copy and no JSON, so a log
line, a cache, a queue or an error report that is given one keeps nothing. `opener` is the way out, and
import contracts say who may use it.
"""

from typing import NoReturn, final


@final
class Sealed:
    """Bytes that can be counted and handed on."""

    __slots__ = ("__data",)

    def __init__(self, data: bytes) -> None:
        self.__data = data

    def __len__(self) -> int:
        return len(self.__data)

    def __repr__(self) -> str:
        return f"<sealed {len(self)} bytes>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("sealed content cannot be serialised or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("sealed content cannot be serialised or copied")
