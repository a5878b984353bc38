"""Rules made of observed keys, in the hands of the scanners that they are for."""

import json
import math
import random
import re
import subprocess
import sys
import tomllib
import uuid
from collections import Counter
from os.path import commonprefix
from pathlib import Path

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.randomness.rule import rule_of, told_prefix
from conformance.randomness.shape import checksum_of
from conformance.scan.key_rule import KeyRule
from tests.randomness.test_shape import BASE62, Spell, sample, spelt, with_checksum

SPELLINGS: dict[str, Spell] = {
    "hex and a checksum": lambda dice: with_checksum(f"gw_live_{dice.randbytes(20).hex()}"),
    "base62": lambda dice: f"sk-proj-{spelt(dice.getrandbits(160), BASE62, 27)}",
    "a UUID": lambda dice: f"key_{uuid.UUID(int=dice.getrandbits(128), version=4)}",
    "digits": lambda dice: f"t-{dice.randrange(10**40):040d}",
}
# How keys come to stand in source code.
LINES = (
    "API_KEY = '{}'",
    '{{"token": "{}"}}',
    "export KEY={}",
    "curl -H 'Authorization: Bearer {}' https://gateway.example",
    "client = Client(\"{}\")",
    "<key>{}</key>",
)  # fmt: skip
ORDINARY = """import os
KEY = os.environ["GW_LIVE_KEY"]  # begins with gw_live_, sk-proj-, key_ or t-
PLACEHOLDER = "gw_live_xxxxxxxxxxxxxxxxxxxx"
EXAMPLE = "sk-proj-YOUR-KEY"
COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
ID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
key_id = 17
NUMBER = 3141592653589793238462643383279502884197
"""


def begun(keys: list[str]) -> str:
    """What all of them begin with."""
    return told_prefix(commonprefix(keys))  # noqa: RUF071 - characters are what is meant


def rule(spelling: str) -> tuple[KeyRule, list[str]]:
    """What was learnt of forty keys, and others of the same gateway."""
    keys = sample(SPELLINGS[spelling], 40 + len(LINES), seed=11)
    seen = keys[:40]
    return KeyRule("3rd gateway", begun(seen), rule_of(seen), checksum_of(seen)), keys[40:]


def tree(folder: Path, keys: list[str]) -> Path:
    """Source code with a key in each file, and some without."""
    source = folder / "source"
    source.mkdir()
    for number, (line, key) in enumerate(zip(LINES, keys, strict=True)):
        (source / f"planted{number}.py").write_text(f"\n\n{line.format(key)}\n")
    (source / "ordinary.py").write_text(ORDINARY)
    return source


@pytest.mark.parametrize("spelling", ["hex and a checksum", "a UUID"])
def test_detect_secrets_finds_each_planted_key_and_nothing_else(spelling: str, tmp_path: Path) -> None:
    made, keys = rule(spelling)
    source, plugin = tree(tmp_path, keys), tmp_path / "plugin.py"
    plugin.write_text(made.detect_secrets())

    command = made.command(str(plugin)).split()[1:]
    told = subprocess.run(
        [sys.executable, "-m", "detect_secrets", *command, "."], cwd=source, capture_output=True, check=True
    )

    results = json.loads(told.stdout)["results"]
    ours = {
        file: [one["line_number"] for one in found if one["type"] == "API key of 3rd gateway"]
        for file, found in results.items()
    }
    assert {file: lines for file, lines in ours.items() if lines} == {
        f"planted{number}.py": [3] for number in range(len(LINES))
    }


def hyperscan_finds(made: KeyRule, text: str) -> set[str]:
    """What GitHub's engine finds by the three fields of a pattern."""
    fields = dict(line.split(": ", 1) for line in made.github().splitlines())
    whole = f"(?:{fields['Before secret']})(?:{fields['Secret format']})(?:{fields['After secret']})"
    database = hyperscan.Database()
    database.compile(expressions=[whole.encode()], flags=hyperscan.HS_FLAG_SOM_LEFTMOST)
    found: set[str] = set()
    database.scan(text.encode(), lambda _id, start, end, _flags, _context: found.add(text[start:end]))
    return found


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_hyperscan_reads_the_pattern_for_github(spelling: str) -> None:
    made, keys = rule(spelling)
    text = "\n".join(line.format(key) for line, key in zip(LINES, keys, strict=True))

    found = hyperscan_finds(made, text)
    assert {key for key in keys if any(key in one for one in found)} == set(keys)
    assert not hyperscan_finds(made, ORDINARY)


def entropy(text: str) -> float:
    """Shannon's, in bits per character, as gitleaks counts it."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_gitleaks_takes_every_key_for_one_and_no_placeholder(spelling: str) -> None:
    made, keys = rule(spelling)
    (read,) = tomllib.loads(made.gitleaks())["rules"]
    texts = [line.format(key) for line, key in zip(LINES, keys, strict=True)]

    found = [re.search(read["regex"], text) for text in texts]
    assert [match and match[read["secretGroup"]] for match in found] == keys
    assert min(map(entropy, keys)) > read["entropy"] > entropy("gw_live_" + "x" * 46)
    assert all(keyword in text.lower() for text in texts for keyword in read["keywords"])
    assert not re.search(read["regex"], ORDINARY)


# RE2 knows neither looking around nor back, and repeats a thousand times at most.
_NOT_RE2 = re.compile(r"\(\?(?!:)|\\[1-9]|\{\d{4,}")
_LETTERS = "abcXYZ019-_.+/=~#&$"


@settings(max_examples=25)  # Hyperscan takes its time over each
@given(st.lists(st.text(_LETTERS, min_size=20, max_size=40), min_size=2, max_size=6), st.text(max_size=12))
def test_whatever_keys_look_like_every_scanner_can_read_its_rule(keys: list[str], name: str) -> None:
    made = KeyRule(name, begun(keys), rule_of(keys))

    (read,) = tomllib.loads(made.gitleaks())["rules"]
    assert not _NOT_RE2.search(read["regex"])
    compile(made.detect_secrets(), "plugin", "exec")
    assert hyperscan_finds(made, random.Random(3).choice(keys))
