"""ClientHello messages made by hand, so that no library's own policy decides what is asked (RFC 5246,
7.4.1.2; RFC 8446, 4.1.2).

Every hello offers one highest version. The bytes depend on the seed alone, so that a third party can send
them again.
"""

import random
import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain

from conformance.model.transport import Version

SIZE = (
    640  # every hello with extensions has this size, so that controls and questions look alike to a middlebox
)

# What servers may still know, strongest first: RFC 5246 to 7905, 4492, 5932, 6367, 6209, 4162, 4346 and
# their anonymous and NULL kin.
_AEAD_FS = "c02b c02c c02f c030 cca9 cca8 ccaa 009e 009f c0ac c0ad c0ae c0af c09e c09f c0a2 c0a3 00a2 00a3"
_CBC_FS = "c023 c024 c027 c028 c009 c00a c013 c014 0067 006b 0033 0039 0040 006a 0032 0038"
_RSA = "009c 009d c09c c09d c0a0 c0a1 003c 003d 002f 0035"
_STATIC_ECDH = "c02d c02e c031 c032 c025 c026 c029 c02a c004 c005 c00e c00f"
_CAMELLIA = (
    "c072 c073 c076 c077 c086 c087 c08a c08b c07a c07b c07c c07d 00be 00c4 00ba 00c0 0045 0088 0041 0084"
)
_ARIA = "c05c c05d c060 c061 c050 c051 c052 c053 c048 c049 c04c c04d c03c c03d"
_WEAK = "c008 c012 0016 0013 000a 0096 009a 0007 c007 c011 0005 0004 0015 0012 0009 0003 0006 0008 0014"
_ANONYMOUS = "c018 c019 c017 c016 c015 00a6 00a7 006c 006d 0034 003a 001b 0018"
_NULL = "c006 c010 003b 0002 0001"
_SSL2_KINDS = (
    "010080 020080 030080 040080 050080 060040 0700c0"  # RFC 6101 calls them by three bytes, appendix E
)
_RENEGOTIATION_SCSV = 0x00FF  # RFC 5746, 3.3
OLD_SUITES = tuple(
    int(code, 16)
    for code in " ".join(
        (_AEAD_FS, _CBC_FS, _RSA, _STATIC_ECDH, _CAMELLIA, _ARIA, _WEAK, _ANONYMOUS, _NULL)
    ).split()
)
TLS13_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x001A, 0x001B, 0x001C)
MODERN_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E)
GREASE = 0x5A5A  # RFC 8701, 2: servers pass it over
_FFDHE = (0x0100, 0x0101, 0x0102)  # RFC 7919
_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0402, 0x0203, 0x0201, 0x0202),
)


@lru_cache(maxsize=512)
def client_hello(offered: Version, *, seed: int, sni: str = "", alpn: tuple[str, ...] = ()) -> bytes:
    """One whole record with a ClientHello that offers `offered` and, below 1.3, everything a server could
    fall back to.

    SSLv2 and, without a name and ALPN, SSLv3 go without extensions, as their clients did; all others are padded to
    `SIZE` (RFC 7685).
    """
    source = random.Random(seed)  # noqa: S311 - replayable on purpose: nothing is protected by these bytes
    if offered is Version.SSL2:
        return _ssl2_hello(source)
    modern = offered is Version.TLS13
    suites = TLS13_SUITES if modern else (*OLD_SUITES, _RENEGOTIATION_SCSV)
    start = b"".join(
        (
            struct.pack(">H", min(offered, Version.TLS12, key=lambda version: version.wire).wire),
            source.randbytes(32),
            _vector(
                1, source.randbytes(32) if modern else b""
            ),  # RFC 8446, D.4: middleboxes expect a session id
            _vector(2, _numbers(suites)),
            b"\x01\x00",
        )
    )
    bare = offered is Version.SSL3 and not sni and not alpn
    extensions = b"" if bare else _padded(start, _extensions(offered, source, sni, alpn))
    message = b"\x01" + _vector(3, start + extensions)
    record_version = min(offered.wire, Version.TLS10.wire)
    return b"\x16" + struct.pack(">H", record_version) + _vector(2, message)


def modern_hello(
    *,
    seed: int,
    sni: str = "",
    alpn: tuple[str, ...] = (),
    suites: tuple[int, ...] = TLS13_SUITES,
    groups: tuple[int, ...] = MODERN_GROUPS,
    shares: Mapping[int, bytes] | None = None,
    versions: tuple[int, ...] = (Version.TLS13.wire,),
    more: bytes = b"",
) -> bytes:
    """A ClientHello of TLS 1.3 that offers exactly this. Without `shares` its key_share is empty, which asks the server to
    name a group (RFC 8446, 4.2.8); `more` are whole extensions put in front.
    """
    source = random.Random(seed)  # noqa: S311 - replayable on purpose
    entries = b"".join(_number(group) + _vector(2, key) for group, key in (shares or {}).items())
    parts = [
        more,
        _name(sni) if sni else b"",
        _extension(10, _vector(2, _numbers(groups))),
        _extension(13, _vector(2, _numbers(_SIGNATURES))),
        _protocols(alpn) if alpn else b"",
        _extension(43, _vector(1, _numbers(versions))),
        _extension(45, b"\x01\x01"),
        _extension(51, _vector(2, entries)),
    ]
    start = b"\x03\x03" + source.randbytes(32) + _vector(1, source.randbytes(32))
    start += _vector(2, _numbers(suites)) + b"\x01\x00"
    message = b"\x01" + _vector(3, start + _padded(start, b"".join(parts)))
    return b"\x16\x03\x01" + _vector(2, message)


def _ssl2_hello(source: random.Random) -> bytes:
    """A CLIENT-HELLO of SSLv2: kinds of cipher, no session, a challenge of 16 bytes, and room for nothing else.

    The blank lines behind it end what a port that takes it for HTTP reads; a server of SSLv2 has answered before.
    """
    kinds = bytes.fromhex(_SSL2_KINDS)
    message = b"\x01\x00\x02" + struct.pack(">HHH", len(kinds), 0, 16) + kinds + source.randbytes(16)
    return struct.pack(">H", 0x8000 | len(message)) + message + b"\r\n\r\n"


def _extensions(offered: Version, source: random.Random, sni: str, alpn: tuple[str, ...]) -> bytes:
    modern = offered is Version.TLS13
    parts = []
    if sni:
        parts.append(_name(sni))
    if not modern:
        parts.append(_extension(11, b"\x01\x00"))
    parts.append(
        _extension(10, _vector(2, _numbers((*_GROUPS[:5], *_FFDHE) if modern else (*_GROUPS, *_FFDHE))))
    )
    if offered.wire >= Version.TLS12.wire:
        parts.append(_extension(13, _vector(2, _numbers(_SIGNATURES))))
    if alpn:
        parts.append(_protocols(alpn))
    if modern:
        # Any 32 bytes are an X25519 public key (RFC 7748, 5), and these handshakes are never finished.
        share = struct.pack(">H", _GROUPS[0]) + _vector(2, source.randbytes(32))
        parts += [
            _extension(43, b"\x02\x03\x04"),
            _extension(45, b"\x01\x01"),
            _extension(51, _vector(2, share)),
        ]
    return b"".join(parts)


def _name(sni: str) -> bytes:
    return _extension(0, _vector(2, b"\x00" + _vector(2, sni.encode("ascii" if sni.isascii() else "idna"))))


def _protocols(alpn: Iterable[str]) -> bytes:
    return _extension(16, _vector(2, b"".join(_vector(1, name.encode()) for name in alpn)))


def _padded(start: bytes, extensions: bytes) -> bytes:
    """The extensions block with its length, filled so that the record has `SIZE` bytes where that is
    possible.
    """
    overhead = 5 + 4 + 2 + 4  # record head, handshake head, extensions length, padding's own head
    room = SIZE - overhead - len(start) - len(extensions)
    return _vector(2, extensions + (_extension(21, bytes(room)) if room >= 0 else b""))


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + _vector(2, body)


def _vector(width: int, body: bytes) -> bytes:
    return len(body).to_bytes(width, "big") + body


def _number(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _numbers(values: Iterable[int]) -> bytes:
    return bytes(chain.from_iterable(map(_number, values)))
