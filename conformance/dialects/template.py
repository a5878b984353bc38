"""Filling templates and following JSON pointers: the pure half of speaking a dialect."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_VARIABLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")  # RFC 6901, section 4: no sign, no leading zeros
_LEFT_OUT = object()


class UnknownVariable(ValueError):
    """A template names a variable that nothing sets."""


def fill_text(template: str, variables: Mapping[str, Any], *, escape: bool = False) -> str:
    """The template with its variables put in; URL-escaped (RFC 3986) where it goes into a path or query.

    Raises UnknownVariable where a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if variables.get(name) is None:
            raise UnknownVariable(f"nothing sets {{{name}}} in '{template}'")
        text = str(variables[name])
        return quote(text, safe="") if escape else text

    return _VARIABLE.sub(value, template)


def fill_json(template: Any, variables: Mapping[str, Any]) -> Any:
    """The JSON template with its variables put in.

    A string that is one variable takes the variable's own type; a field whose lone variable is unset is left out, so that
    one body serves with and without an optional limit.
    """
    filled = _fill(template, variables)
    return None if filled is _LEFT_OUT else filled


def _fill(template: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        whole = _VARIABLE.fullmatch(template)
        if whole is None:
            return fill_text(template, variables)
        value = variables.get(whole.group(1))
        return _LEFT_OUT if value is None else value
    if isinstance(template, dict):
        filled = {name: _fill(value, variables) for name, value in template.items()}
        return {name: value for name, value in filled.items() if value is not _LEFT_OUT}
    if isinstance(template, list):
        return [value for value in (_fill(entry, variables) for entry in template) if value is not _LEFT_OUT]
    return template


def follow(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to, or None where it leads nowhere. The empty pointer is the document itself."""
    found = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def entries(document: Any, pointer: str) -> list[Any] | None:
    """The array that a JSON pointer leads to, or None where it leads to none."""
    found = follow(document, pointer)
    return found if isinstance(found, list) else None
