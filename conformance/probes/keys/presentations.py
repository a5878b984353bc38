"""The ways to present a key, right and wrong. Pure."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from conformance.model.presented import NO_KEY, How
from conformance.target_parts import Auth

_QUERY = ("key", "api_key", "access_token", "token")  # RFC 6750, 2.3, and what gateways call it
_COOKIES = ("token", "key", "api_key", "access_token", "session", "Authorization")
_FIELDS = ("api_key", "key", "access_token", "token")
_PLACEHOLDERS = ("undefined", "null", "None", "[object Object]", "*", "%", "true", "0")
_JUNK = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One way. `fields` are headers as they go out; `before` and `behind` surround the path, `more` joins a JSON body."""

    how: How
    what: str
    fields: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    before: str = field(default="", repr=False)
    behind: str = field(default="", repr=False)
    more: Mapping[str, str] = field(default_factory=dict, repr=False)

    def path(self, path: str) -> str:
        """The path and query that are asked for; some endpoints have a query of their own."""
        route, _, query = path.partition("?")
        end, _, more = self.behind.partition("?")
        queries = "&".join(filter(None, (query, more)))
        return f"{self.before}{route}{end}" + (f"?{queries}" if queries else "")

    def plain(self) -> bool:
        """Whether any client library would send it: visible ASCII, no field twice."""
        names = [name.lower() for name, _ in self.fields]
        visible = all(32 <= letter < 127 for _, value in self.fields for letter in value)
        trimmed = all(value == value.strip() for _, value in self.fields)
        return visible and trimmed and len(names) == len(set(names))


def presentations(secret: str, invented: str, auth: Auth) -> tuple[Presentation, ...]:
    """Every way but the right one; `invented` is a key of the same look that does not exist."""
    return (*_carriers(secret), *_altered(secret, auth), *_placeholders(auth), *_schemes(secret, auth), *(
        Presentation(how="doubled", what=what, fields=(_shown(auth, first), _shown(auth, second)))
        for what, first, second in (
            ("behind an invented one", invented, secret), ("before an invented one", secret, invented)
        )
    ))  # fmt: skip


def altered_in_the_middle(secret: str) -> str:
    """Another key of the same letters: one in the middle is replaced by the next that differs."""
    return _changed(secret, len(secret) * 3 // 5)


def _shown(auth: Auth, key: str) -> tuple[str, bytes]:
    return auth.header, auth.value.replace("{key}", key).encode()


def _carriers(secret: str) -> Iterator[Presentation]:
    for name in _QUERY:
        yield Presentation(how="carrier", what=f"in the query as {name}", behind=f"?{name}={quote(secret)}")
    cookie = "; ".join(f"{name}={secret}" for name in _COOKIES)
    yield Presentation(how="carrier", what="in a cookie", fields=(("Cookie", cookie.encode()),))
    yield Presentation(how="carrier", what="in the body", more=dict.fromkeys(_FIELDS, secret))
    yield Presentation(how="carrier", what="at the end of the path", behind=f"/{quote(secret, safe='')}")
    yield Presentation(
        how="carrier", what="at the beginning of the path", before=f"/{quote(secret, safe='')}"
    )


def _altered(secret: str, auth: Auth) -> Iterator[Presentation]:
    middle = len(secret) * 3 // 5
    wide = chr(ord(secret[middle]) - 0x20 + 0xFF00)  # fullwidth; NFKC makes the same of it
    swapped = secret.swapcase()
    ways = {
        "without its last character": secret[:-1],
        "without what stands before its last mark": _behind_marks(secret),
        "its first half": secret[: len(secret) // 2],
        "its first three quarters": secret[: len(secret) * 3 // 4],
        "with another character in the middle": altered_in_the_middle(secret),
        "with another character near the end": _changed(secret, len(secret) - 3),
        "with a character behind": secret + _JUNK,
        "with a character before": _JUNK + secret,
        "with a look-alike from Unicode": secret[:middle] + wide + secret[middle + 1 :],
        "with a character as a URL would write it": f"{secret[:middle]}%{ord(secret[middle]):02X}{secret[middle + 1 :]}",
        "with NUL and a character behind": f"{secret}\0{_JUNK}",
        "its first half, then NUL": f"{secret[: len(secret) // 2]}\0",
        "its first half, then what matches anything in SQL": f"{secret[: len(secret) // 2]}%",
    }
    ways["in the other letter case"] = swapped
    for what, key in ways.items():
        if key == secret:
            continue
        yield Presentation(how="altered", what=what, fields=(_shown(auth, key),))


def _behind_marks(secret: str) -> str:
    """What is left without a prefix such as `sk-live-`: all behind the last hyphen or underscore of the first half."""
    half = secret[: len(secret) // 2]
    return secret[max(half.rfind("-"), half.rfind("_")) + 1 :]


def _changed(secret: str, at: int) -> str:
    """A secret with the character at or behind a place replaced by another of its kind."""
    while at < len(secret) - 1 and not secret[at].isalnum():
        at += 1
    letters = "0123456789" if secret[at].isdigit() else "abcdef" if secret[at].islower() else "ABCDEF"
    other = letters[(letters.find(secret[at]) + 1) % len(letters)]
    return secret[:at] + other + secret[at + 1 :]


def _placeholders(auth: Auth) -> Iterator[Presentation]:
    yield Presentation(how="placeholder", what=NO_KEY)
    yield Presentation(
        how="placeholder",
        what="an empty key",
        fields=((auth.header, auth.value.replace("{key}", "").strip().encode()),),
    )
    for word in _PLACEHOLDERS:
        yield Presentation(how="placeholder", what=word, fields=(_shown(auth, word),))


def _schemes(secret: str, auth: Auth) -> Iterator[Presentation]:
    """The key, whole, in the header that is meant for it, in another scheme (RFC 9110, 11.1: their names have no case)."""
    if auth.value.lower() != "bearer {key}":
        return
    user, password = (base64.b64encode(pair.encode()).decode() for pair in (f"{secret}:", f":{secret}"))
    ways = {
        "without a scheme": secret,
        "as the user of Basic": f"Basic {user}",
        "as the password of Basic": f"Basic {password}",
        "as Token": f"Token {secret}",
    }
    for what, value in ways.items():
        yield Presentation(how="scheme", what=what, fields=((auth.header, value.encode()),))


def joined(content: bytes, more: Mapping[str, str]) -> bytes:
    """A JSON object with more members."""
    return json.dumps({**json.loads(content), **more}).encode() if more else content
