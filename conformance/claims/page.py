"""The security page, sentence by sentence: which claim each one makes, found again by digest and never by wording."""

import hashlib
import re
import tomllib
from functools import cache
from importlib import resources

import msgspec

_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+")


class Sentence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence of the page: its digest and the claims it makes, or why it makes none."""

    sha256: str
    claims: tuple[str, ...] = ()
    not_testable: str = ""


@cache
def mapping() -> tuple[Sentence, ...]:
    """Every sentence of the page, in order."""
    text = resources.files(__package__).joinpath("page.toml").read_text(encoding="utf-8")
    return msgspec.convert(tuple(tomllib.loads(text)["sentence"]), tuple[Sentence, ...])


def sentences(page: str) -> tuple[str, ...]:
    """A page of plain text cut into sentences: by lines, list marks removed, then after each `.`, `!`, `?` or `:`."""
    cut: list[str] = []
    for line in page.splitlines():
        cut += [part for part in _SENTENCE_END.split(line.strip().lstrip("-").strip()) if part]
    return tuple(cut)


def digest(sentence: str) -> str:
    """SHA-256 of a sentence, white space folded, in hexadecimal."""
    return hashlib.sha256(" ".join(sentence.split()).encode()).hexdigest()
