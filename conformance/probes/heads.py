"""Whether heads of answers tell what was asked: values that come again with a prompt, and with no other. Pure."""

from collections.abc import Sequence

Head = tuple[str, tuple[tuple[str, str], ...]]
"""A prompt, and the headers of its answer."""

_LEAST = 8  # characters: shorter values come again by chance
_FEWEST = 2  # equal prompts, and other prompts, without which nothing can be said


def telling_headers(heads: Sequence[Head]) -> tuple[int, tuple[str, ...]]:
    """How many headers were compared, and the names of those that are the same for the first prompt each time it came, and
    never for another. Numbers are left out: sizes and costs depend on a prompt's length.
    """
    if not heads:
        return 0, ()
    first = heads[0][0]
    again = [_values(head) for head in heads if head[0] == first]
    others = [_values(head) for head in heads if head[0] != first]
    if len(again) < _FEWEST or len(others) < _FEWEST:
        return 0, ()
    names = sorted(again[0])
    telling = [
        name
        for name in names
        if _is_telling(again[0][name])
        and all(values.get(name) == again[0][name] for values in again)
        and all(values.get(name) != again[0][name] for values in others)
    ]
    return len(names), tuple(telling)


def _values(head: Head) -> dict[str, str]:
    return {name.lower(): value for name, value in head[1]}


def _is_telling(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return len(value) >= _LEAST
    return False
