"""The Strict-Transport-Security field, read as strictly as RFC 6797, 6.1 writes it.

    Strict-Transport-Security = "Strict-Transport-Security" ":" [ directive ] *( ";" [ directive ] )
    directive                 = directive-name [ "=" directive-value ]
    directive-name            = token
    directive-value           = token | quoted-string

Names are case-insensitive, order is free, each directive may stand once, and white space is allowed
between the parts (RFC 2616, 2.1, "implied *LWS"). A field that breaks this must be ignored by the browser
(6.1.1 and 8.1), so it protects nobody.
"""

import re

from conformance.model.evidence import Record

ONE_YEAR = 31_536_000  # seconds; what hstspreload.org asks of a base domain

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the token of RFC 2616, 2.2
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x00-\x7f])*"'
_BLANK = r"[ \t]*"
_DIRECTIVE = re.compile(rf"{_BLANK}({_TOKEN})(?:{_BLANK}={_BLANK}({_TOKEN}|{_QUOTED}))?{_BLANK}(?=;|\Z)")
_NOTHING = re.compile(rf"{_BLANK}(?=;|\Z)")


class HstsPolicy(Record, frozen=True, kw_only=True):
    """A valid policy. `max_age` is in seconds; 0 tells the browser to forget the host."""

    max_age: int
    include_subdomains: bool = False
    preload: bool = False
    unknown: tuple[str, ...] = ()  # names of directives that RFC 6797 does not know; browsers skip them

    def preloadable(self) -> bool:
        """Whether the field meets what hstspreload.org asks of it."""
        return self.max_age >= ONE_YEAR and self.include_subdomains and self.preload


class HstsError(ValueError):
    """The field breaks RFC 6797; the message says where."""


def parse_hsts(value: str) -> HstsPolicy:
    """The policy that one field value states. Raises `HstsError` where a conforming browser ignores the
    field.
    """
    directives = _directives(value)
    if "max-age" not in directives:
        raise HstsError("the required directive max-age is missing (6.1.1)")
    return HstsPolicy(
        max_age=_seconds(directives["max-age"]),
        include_subdomains=_valueless(directives, "includesubdomains"),
        preload="preload" in directives,
        unknown=tuple(sorted(set(directives) - {"max-age", "includesubdomains", "preload"})),
    )


def _directives(value: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    position = 0
    while True:
        match = _DIRECTIVE.match(value, position) or _NOTHING.match(value, position)
        if match is None:
            raise HstsError(f"not a directive at character {position + 1} (6.1)")
        if match.re is _DIRECTIVE:
            name = match[1].lower()
            if name in found:
                raise HstsError(f"the directive {name} stands twice (6.1, item 2)")
            found[name] = match[2]
        position = match.end() + 1  # past the semicolon
        if position > len(value):
            return found


def _seconds(value: str | None) -> int:
    digits = _unquoted(value or "")
    if not re.fullmatch(r"[0-9]+", digits):
        raise HstsError("max-age is not a whole number of seconds (6.1.1)")
    return int(digits[:18])  # 18 digits are 30 billion years, and bound what int() does on a hostile value


def _valueless(directives: dict[str, str | None], name: str) -> bool:
    if directives.get(name) is not None:
        raise HstsError(f"{name} takes no value (6.1.2)")
    return name in directives


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value.startswith('"') else value
