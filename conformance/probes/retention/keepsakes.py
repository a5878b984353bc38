"""Keepsakes: some of the texts exactly as they were sent, so that digests of them can be looked for. Private to a run."""

from collections import Counter, defaultdict
from itertools import zip_longest

from conformance.canary.mint import Mint
from conformance.model.archive import PromptSent
from conformance.probes.retention.letters import Letter

_EACH = 2  # requests of a path
_MOST = 300  # texts
_MOST_OF_TEXT, _MOST_OF_BODY = 2 * 2**20, 2**16  # bytes


class Keepsakes:
    """Keeps the first requests of every path: the text, and the body that carried it."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._letters: Counter[str] = Counter()

    def keep(self, letter: Letter) -> None:
        """Keep a letter's text and body, if there are few of its path and they are not too large."""
        if self._letters[letter.path] >= _EACH or not 0 < len(letter.prompt) <= _MOST_OF_TEXT:
            return
        self._letters[letter.path] += 1
        atom, kept = letter.canaries[0][1], self._kept[letter.path]
        kept.append((atom, letter.prompt))
        if len(letter.content) <= _MOST_OF_BODY:
            kept.append((atom, letter.content.decode(errors="replace")))

    def prompts(self, mint: Mint) -> tuple[PromptSent, ...]:
        """One text of every path, then the next of each, up to a few hundred."""
        rounds = zip_longest(*self._kept.values())
        texts = [one for each in rounds for one in each if one is not None]
        found = ((mint.read(atom), text) for atom, text in texts[:_MOST])
        return tuple(PromptSent(canary=canary, text=text) for canary, text in found if canary is not None)
