"""The content blocks of a streamed message, one after another."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from reference_gateway.content.form import Json
from reference_gateway.content.meter import decoded

_FRAGMENTS: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}

_object: Final = msgspec.json.Decoder(dict[str, Any])
_encoder: Final = msgspec.json.Encoder()


def event(kind: str, **fields: object) -> bytes:
    """One event of a stream, named as its data is."""
    return b"event: " + kind.encode() + b"\ndata: " + _encoder.encode({"type": kind, **fields}) + b"\n\n"


class Block:
    """A block as it starts, and what came of it so far where that must be known later."""

    def __init__(self, start: Json) -> None:
        self.start = start
        self.kind: str = start["type"]
        self.kept: list[str] = []

    def ends(self) -> bool:
        """Whether the beginning of another block is the end of this one.

        Fragments of a call have a place of their own, so they may come later; once they make an object
        there is nothing to come.
        """
        return self.kind != "tool_use" or decoded(_object, "".join(self.kept).encode()) is not None


class Blocks:
    """Says blocks so that each ends before the next begins: clients need not expect anything else.

    Providers that interleave the fragments of parallel calls are rare. Then the first call goes on as it
    comes, and what follows is kept until the stream ends.
    """

    def __init__(self) -> None:
        self._index = 0
        self._open: Block | None = None
        self._waiting: list[Block] = []

    @property
    def last(self) -> Block | None:
        """The block that began last."""
        return self._waiting[-1] if self._waiting else self._open

    def begin(self, block: Block) -> Iterator[bytes]:
        """A block begins."""
        if self._waiting or (self._open is not None and not self._open.ends()):
            self._waiting.append(block)
            return
        yield from self._show(block)

    def extend(self, block: Block, fragment: str) -> Iterator[bytes]:
        """A block goes on."""
        if block is not self._open or block.kind == "tool_use":
            block.kept.append(fragment)
        if block is self._open and fragment:
            yield self._delta(block, fragment)

    def end(self) -> Iterator[bytes]:
        """No block goes on."""
        for block in self._waiting:
            yield from self._show(block)
            if any(block.kept):
                yield self._delta(block, "".join(block.kept))
        self._waiting.clear()
        yield from self._stop()

    def _show(self, block: Block) -> Iterator[bytes]:
        yield from self._stop()
        self._open = block
        yield event("content_block_start", index=self._index, content_block=block.start)

    def _delta(self, block: Block, fragment: str) -> bytes:
        kind, name = _FRAGMENTS[block.kind]
        return event("content_block_delta", index=self._index, delta={"type": kind, name: fragment})

    def _stop(self) -> Iterator[bytes]:
        if self._open is not None:
            yield event("content_block_stop", index=self._index)
            self._open = None
            self._index += 1
