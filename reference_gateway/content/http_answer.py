"""One HTTP/1.1 answer, as a function from bytes to a head and a body. No I/O.

llhttp does the grammar (RFC 9112) and refuses what can be read in two ways. What it leaves open is bounded
here: it would keep a head or a trailer of any size.
"""

from dataclasses import dataclass
from typing import Final

import httptools

_MAX_HEAD: Final = 65_536  # bytes of names and values, and their four of framing
_MAX_FIELDS: Final = 256
# Bytes without any body: a head, a trailer, the padding of chunks. Counted by pieces, so with some slack.
_MAX_BARREN: Final = 2 * _MAX_HEAD
_NO_STATUS_BELOW: Final = 100
_SWITCHING: Final = 101
_PERSISTENT: Final = "1.1"
# The parser knows more; what speaks another version does not speak this grammar.
_VERSIONS: Final = frozenset({"1.0", _PERSISTENT})
_KEPT: Final = frozenset(
    {b"content-type", b"retry-after", b"content-encoding", b"content-length", b"transfer-encoding"}
)


class RefusedAnswerError(Exception):
    """What came is not an answer that can be relayed. It holds nothing of what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is kept of an answer's head. `plain`: the body has no encoding; `kept_alive`: as both sides wish.

    It stands for its answer: no two are the same object. A body that cannot be read has no `media`.
    """

    status: int
    media: str
    retry_after: int | None
    plain: bool
    kept_alive: bool
    until_end: bool  # the body lasts until the connection ends, RFC 9112, 6.3, rule 8


class HttpAnswer:
    """Feed it what arrives; `held` bytes of the body wait to be taken.

    `surplus`: something came behind the end, so the connection is in no known state. Empty lines are nothing,
    because the parser passes over them in front of a message.
    """

    def __init__(self) -> None:
        self.head: Head | None = None
        self.held = 0
        self.complete = False
        self.surplus = False
        # One buffer, because a list of very small pieces would be many times as large as what is in them.
        self._body = bytearray()
        self._fields: dict[bytes, bytes] = {}
        self._fields_seen = 0
        self._head_size = 0
        self._barren = 0
        # The two know each other; `discard` parts them, so that content does not wait for a collector.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """The next bytes, wherever they were cut. Raises RefusedAnswerError."""
        if self._parser is None or self.complete:
            self.surplus = self.surplus or bool(data.strip(b"\r\n"))
        elif not self._parsed(self._parser, data):
            self.surplus = self.complete
            if not self.complete:
                raise RefusedAnswerError

    def end(self) -> None:
        """The connection ended well: the end of a body that has no length of its own."""
        self.complete = self.complete or (self.head is not None and self.head.until_end)

    def take(self) -> bytes:
        """What is held of the body, in one piece."""
        taken = bytes(self._body)
        self._body.clear()
        self.held = 0
        return taken

    def discard(self) -> None:
        """Lets go of everything."""
        self._parser = None
        self._body.clear()
        self.held = 0
        self._fields.clear()

    def _parsed(self, parser: httptools.HttpResponseParser, data: bytes) -> bool:
        """Whether the parser liked it. Its exceptions end here."""
        self._barren += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return self._barren <= _MAX_BARREN or self.complete

    # --- called by httptools ---

    def on_message_begin(self) -> None:
        """An answer begins; behind the one that was asked for there must be none."""
        if self.complete:
            raise RefusedAnswerError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of a trailer, which is read and dropped."""
        self._fields_seen += 1
        self._head_size += len(name) + len(value) + 4
        if self._fields_seen > _MAX_FIELDS or self._head_size > _MAX_HEAD:
            raise RefusedAnswerError
        lowered = name.lower()
        if self.head is None and lowered in _KEPT:
            before = self._fields.get(lowered)
            # RFC 9110, 5.2: several lines of one name are one list.
            self._fields[lowered] = value if before is None else before + b"," + value

    def on_headers_complete(self) -> None:
        """The head is whole. Interim ones are passed over; no other protocol is spoken after it."""
        parser = self._parser
        if parser is None:
            raise RefusedAnswerError
        status, version = parser.get_status_code(), parser.get_http_version()
        if version not in _VERSIONS or status < _NO_STATUS_BELOW or status == _SWITCHING:
            raise RefusedAnswerError
        if status >= 200:
            kept_alive = version == _PERSISTENT and parser.should_keep_alive()
            self.head = _head(status, self._fields, kept_alive=kept_alive)
        self._fields.clear()

    def on_body(self, data: bytes) -> None:
        """A piece of the body, without its framing."""
        if self.head is None:
            # Of an interim answer, which has none (RFC 9110, 15.2).
            raise RefusedAnswerError
        self._barren = 0
        self._body += data
        self.held += len(data)

    def on_message_complete(self) -> None:
        """The end of the answer, or of an interim one."""
        self.complete = self.head is not None


def _head(status: int, fields: dict[bytes, bytes], *, kept_alive: bool) -> Head:
    coding = fields.get(b"transfer-encoding", b"chunked").strip().lower()
    if coding != b"chunked":
        # RFC 9112, 6.1: codings are sent to those who asked for them with TE, and we did not.
        raise RefusedAnswerError
    after = fields.get(b"retry-after", b"")
    plain = fields.get(b"content-encoding", b"identity").strip().lower() in (b"identity", b"")
    media = fields.get(b"content-type", b"").partition(b";")[0].strip().lower() if plain else b""
    return Head(
        status=status,
        media=media.decode("latin-1"),
        retry_after=int(after) if after.isdigit() and len(after) <= 5 else None,
        plain=plain,
        kept_alive=kept_alive,
        until_end=b"content-length" not in fields and b"transfer-encoding" not in fields,
    )
