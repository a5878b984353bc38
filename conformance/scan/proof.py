"""Whether the scan sees: an atom hidden in every way that this machine can hide one, looked for before anything else."""

import base64
import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Collection, Mapping

from conformance.scan.engine import Engine, Found
from conformance.scan.tally import Tally

_WORDS = b"the ferry leaves before the train and nobody in town knows why "
_PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
    "hex of zlib": lambda data: zlib.compress(data).hex().encode(),
    "lines of sixteen": lambda data: b"\n".join(data[i : i + 16] for i in range(0, len(data), 16)),
    "exclusive or": lambda data: bytes(byte ^ 0x5A for byte in data),
}
_WRITTEN: Mapping[str, Callable[[bytes], bytes]] = {
    "clear": bytes,
    "lower case": bytes.lower,
    "UTF-16": lambda data: data.decode().encode("utf-16-le"),
    "base64": base64.b64encode,
    "hex": lambda data: data.hex().encode(),
}


def unseen(engine: Engine, atom: str) -> tuple[str, ...]:
    """The ways of hiding an atom of this run that the engine does not see through; none is as it should be."""
    text = _WORDS + atom.encode() + b" " + _WORDS
    return tuple(name for name, hide in _ways(engine).items() if not _sees(engine, hide(text)))


def share_seen(engine: Engine, unseen_ways: Collection[str]) -> float:
    """The share of the ways that the engine does see through."""
    return 1 - len(unseen_ways) / len(_ways(engine))


def _ways(engine: Engine) -> Mapping[str, Callable[[bytes], bytes]]:
    return {**_WRITTEN, **_PACKED} if engine.deep else _WRITTEN


def _sees(engine: Engine, data: bytes) -> bool:
    found: list[Found] = []
    engine.scan([data], found.append, Tally())
    return any(one.canary is not None for one in found)
