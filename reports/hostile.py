"""Text of a hostile target, made harmless to read: nothing invisible, nothing that reorders the rest.

Escaping for HTML is the template engine's work; this is about what a reader's eyes are told.
"""

import unicodedata

MOST_CHARACTERS = 4_000
MOST_LINES = 80
_MOST_MARKS = 3  # combining marks in a row: writing needs no more, and taller stacks paint over other lines

# Letters, marks and symbols by category, yet drawn as nothing: those Default_Ignorable_Code_Points
# of Unicode that `isprintable` lets through, and the blank Braille cell.
_BLANK = frozenset(
    {
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    }
)


def visible(text: str) -> str:
    """The text with every control, format, blank or unassigned character as its code point, `<U+202E>`.

    Line feeds and tabs stay; so do up to three combining marks in a row. The result always encodes to UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        plain = character in "\n\t" or (character.isprintable() and ord(character) not in _BLANK)
        shown.append(character if plain and marks <= _MOST_MARKS else f"<U+{ord(character):04X}>")
    return "".join(shown)


def cut(text: str, limit: int = MOST_CHARACTERS) -> str:
    """At most `limit` characters and 80 lines of the text, and a note of how many characters are missing."""
    kept = "\n".join(text[:limit].split("\n")[:MOST_LINES])
    missing = len(text) - len(kept)
    return f"{kept} … [cut: {missing:,} more characters, whole in results.json]" if missing else text


def one_line(text: str) -> str:
    """The text on one line, white space folded and every other invisible character shown."""
    return visible(" ".join(text.split()))
