"""Values of a record that computations on a key reproduce, whole or cut at either end. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from conformance.scan.candidates import Candidate
from conformance.scan.tokens import Token

_LEAST = 8  # bytes of a digest that count as one: a chance match of 64 bits does not happen
_MOST = 64


def reproduced(
    known: Sequence[Token], tried: Iterable[Candidate], wanted: set[bytes]
) -> tuple[list[tuple[Candidate, Token]], int]:
    """What candidates reproduce, and how many were tried: it ends where all that is `wanted` is explained."""
    starts, ends = _by_edge(known, slice(None, _LEAST)), _by_edge(known, slice(-_LEAST, None))
    found: list[tuple[Candidate, Token]] = []
    count = 0
    for candidate in tried if starts else ():
        count += 1
        digest = candidate.digest
        near = [t for t in starts.get(digest[:_LEAST], ()) if digest.startswith(t.value)]
        near += [t for t in ends.get(digest[-_LEAST:], ()) if digest.endswith(t.value)]
        if near:  # parts of what fits as a whole say nothing more
            found.append((candidate, max(near, key=lambda token: len(token.value))))
            if wanted and wanted <= _explained(found):
                break
    return found, count


def _explained(found: Iterable[tuple[Candidate, Token]]) -> set[bytes]:
    salts = {candidate.salt.value for candidate, _ in found if candidate.salt is not None}
    return salts | {token.value for _, token in found}


def _by_edge(known: Iterable[Token], edge: slice) -> dict[bytes, list[Token]]:
    edges: dict[bytes, list[Token]] = defaultdict(list)
    for token in known:
        if token.encoding != "text" and _LEAST <= len(token.value) <= _MOST:
            edges[token.value[edge]].append(token)
    return edges
