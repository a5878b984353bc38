"""Text of a hostile target."""

import sys

import pytest

from reports.hostile import cut, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Grüße, 日本, шлюз, 🙂", "Grüße, 日本, шлюз, 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a\rb", "a<U+000D>b"),
        ("soft\u00adhyphen", "soft<U+00AD>hyphen"),
        ("\ufeffmark", "<U+FEFF>mark"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("filler\u3164", "filler<U+3164>"),
        ("variation\ufe0f", "variation<U+FE0F>"),
        ("line\u2028separator", "line<U+2028>separator"),
        ("no\u00a0break", "no<U+00A0>break"),
        ("e\u0301", "e\u0301"),
        ("z" + "\u0301" * 5, "z\u0301\u0301\u0301<U+0301><U+0301>"),
    ],
)
def test_nothing_invisible_stays_invisible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_code_point_survives_that_hides_or_cannot_be_encoded() -> None:
    every = "".join(map(chr, range(0, sys.maxunicode + 1, 7)))

    shown = visible(every)

    assert shown.encode()
    assert shown.replace("\n", "").replace("\t", "").isprintable()


def test_a_short_text_is_not_cut() -> None:
    assert cut("a" * 10, limit=10) == "a" * 10


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    assert cut("a" * 1_234, limit=10) == "a" * 10 + " … [cut: 1,224 more characters, whole in results.json]"


def test_a_tall_text_is_cut_too() -> None:
    assert cut("\n" * 500).count("\n") == 79


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\n b\x0b\u2029c ") == "a b c"
