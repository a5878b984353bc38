"""Event streams as readers are fed with them."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from reference_gateway.content.envelope import EventReader, Form
from reference_gateway.content.meter import Usage
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed

COMMENT = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
CUTS = st.lists(st.integers(0, 1500), max_size=12)


def event(value: Any) -> bytes:
    """An event without a name."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def named(value: dict[str, Any]) -> bytes:
    """An event with the name that its data gives it."""
    return b"event: " + str(value["type"]).encode() + b"\n" + event(value)


def cut(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream in pieces."""
    edges = sorted({0, *(min(at, len(stream)) for at in cuts), len(stream)})
    return [stream[begin:end] for begin, end in pairwise(edges)]


def fed(reader: EventReader, *pieces: bytes) -> bytes:
    """What is forwarded of the pieces before the end."""
    return b"".join(unsealed(reader.feed(Sealed(piece))) for piece in pieces)


def played(form: Form, *pieces: bytes) -> tuple[bytes, Usage | None]:
    """All that the caller gets of a stream that must go well, and its bill."""
    reader = form.stream()
    shown = fed(reader, *pieces)
    assert reader.done
    return shown + unsealed(reader.end()), reader.final_usage


def whole(form: Form, answer: Any) -> Usage | None:
    """The bill of a complete answer, which is shown as it is."""
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    shown, usage = form.whole(Sealed(raw))
    assert unsealed(shown) == raw
    return usage
