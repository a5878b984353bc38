"""The form of keys as a regular expression, by which secret scanners know them. Pure.

It holds nothing of any secret: what is common to all keys and looks like more than a prefix or a separator is not told.
"""

import re
import string
from collections.abc import Sequence
from itertools import groupby

_MOST_PREFIX = 24  # characters
_KINDS = (("0-9", string.digits), ("A-Z", string.ascii_uppercase), ("a-z", string.ascii_lowercase))


def told_prefix(common: str) -> str:
    """As much of a common beginning as is meant to be one: up to its last separator."""
    return common[: max(common.rfind("_"), common.rfind("-")) + 1][:_MOST_PREFIX]


def rule_of(keys: Sequence[str]) -> str:
    """An expression that every one of the keys matches as a whole: prefix, separators, and letters of their kinds.

    It is written so that Python, RE2 and Hyperscan read it alike.
    """
    prefix = told_prefix(_common(keys))
    rests = [key[len(prefix) :] for key in keys]
    least, most = min(map(len, rests)), max(map(len, rests))
    separators = [_separator({rest[at] for rest in rests}) for at in range(least)]
    varying = {c for rest in rests for c, s in zip(rest, separators, strict=False) if not s}
    letters = _letters(varying.union(*(rest[least:] for rest in rests)))
    parts = [re.escape(prefix)]
    for separator, run in groupby(separators):
        count = len(list(run))
        parts.append(re.escape(separator) * count if separator else f"{letters}{{{count}}}")
    return "".join(parts) + (f"{letters}{{0,{most - least}}}" if most > least else "")


def _common(keys: Sequence[str]) -> str:
    first, last = min(keys), max(keys)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _separator(seen: set[str]) -> str:
    """The one character that always stands at a place, where it is neither letter nor digit."""
    (one, *more) = seen
    return "" if more or one.isalnum() else one


def _letters(seen: set[str]) -> str:
    kinds = [name for name, all_ in _KINDS if seen & set(all_)]
    if kinds == ["0-9", "a-z"] and seen <= set("0123456789abcdef"):
        kinds = ["0-9", "a-f"]
    others = "".join(re.escape(c) for c in sorted(seen - set(string.ascii_letters + string.digits)))
    return f"[{''.join(kinds)}{others}]"
