"""The form of keys as an expression, in the writing of several secret scanners."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.randomness.rule import rule_of, told_prefix
from conformance.randomness.shape import checksum_of
from conformance.scan.key_rule import KeyRule
from tests.randomness.test_shape import SPELLINGS, sample, with_checksum


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_key_has_the_form_of_keys_and_says_nothing_of_any(spelling: str) -> None:
    keys = sample(SPELLINGS[spelling], 60)
    rule = rule_of(keys[:30])

    assert all(re.fullmatch(rule, key) for key in keys)
    assert not any(key[8:12] in rule for key in keys)


@given(st.lists(st.text("ab0-_.", min_size=1, max_size=12), min_size=1, max_size=8))
def test_whatever_keys_look_like_there_is_a_form(keys: list[str]) -> None:
    assert all(re.fullmatch(rule_of(keys), key) for key in keys)


def test_what_keys_share_is_told_as_far_as_it_is_a_prefix() -> None:
    assert told_prefix("sk-or-v1-abc") == "sk-or-v1-"
    assert told_prefix("0123456789abcdef") == ""
    assert rule_of(["gw_secret12", "gw_secret34"]) == "gw_[0-9a-z]{8}"


KEYS = sample(lambda dice: with_checksum(f"gw_live_{dice.randbytes(20).hex()}"), 20)
RULE = KeyRule("team gateway", "gw_live_", rule_of(KEYS), checksum_of(KEYS))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"KEY={KEYS[0]}\n", 1),
        (f'{{"a":"{KEYS[0]}","b":"{KEYS[1]}"}}', 2),
        (f"x{KEYS[0]}", 0),
        (f"{KEYS[0]}0", 0),
        (
            KEYS[0][:-1] + ("a" if KEYS[0][-1] != "a" else "b"),
            0,
        ),  # a wrong checksum: a placeholder in documentation
        ("gw_live_" + "x" * 46, 0),
    ],
    ids=["a line", "two", "longer before", "longer behind", "wrong checksum", "placeholder"],
)
def test_keys_are_found_in_texts(text: str, found: int) -> None:
    assert len(list(RULE.places(text.encode()))) == found


def test_gitleaks_reads_its_rule() -> None:
    (rule,) = tomllib.loads(RULE.gitleaks())["rules"]
    match = re.search(rule["regex"], f"token: {KEYS[3]};")

    assert (rule["id"], rule["keywords"]) == ("team-gateway-key", ["gw_live_"])
    assert match is not None
    assert match[rule["secretGroup"]] == KEYS[3]
    assert "(?<" not in rule["regex"]  # RE2 looks neither back nor ahead


def test_the_plugin_is_python_with_an_expression_that_finds() -> None:
    compiled = compile(RULE.detect_secrets(), "plugin", "exec")
    (expression,) = re.findall(r"re\.compile\((.+)\)\]", RULE.detect_secrets())

    assert "TeamGatewayKeyDetector" in {
        name for code in compiled.co_consts if (name := getattr(code, "co_name", ""))
    }
    assert re.search(eval(expression), f"'{KEYS[4]}'")  # noqa: S307 - a literal of our own


def test_github_gets_format_and_surroundings() -> None:
    lines = RULE.github().splitlines()

    assert lines[0] == f"Secret format: {RULE.expression}"
    assert len(lines) == 3
