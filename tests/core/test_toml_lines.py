"""Lines of a TOML file, for messages."""

import pytest

from conformance.toml_lines import ANY, line_of

TEXT = """\
# [not.a.table]
name = "x"
[ gateway . auth ]   # spaced
header.name = "y"

[models."v4.1"]
max = 1
[[surfaces]]
kind = "files"
[surfaces.more]
deep = 1
[[surfaces]]
kind = "sqlite"
[[surfaces.rules]]
like = "a"
[[surfaces.rules]]
like = "b"
[models.second]
max = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("gateway",), 3),
        (("gateway", "auth"), 3),
        (("gateway", "auth", "header", "name"), 4),
        (("gateway", "auth", "missing"), 3),
        (("models", "v4.1", "max"), 7),
        (("models", ANY, "max"), 7),
        (("surfaces",), 8),
        (("surfaces", "0", "kind"), 9),
        (("surfaces", "0", "more", "deep"), 11),
        (("surfaces", "1"), 12),
        (("surfaces", "1", "kind"), 13),
        (("surfaces", "1", "rules", "0", "like"), 15),
        (("surfaces", "1", "rules", "1", "like"), 17),
        (("surfaces", "2", "kind"), 8),
        (("not", "a", "table"), None),
        ((), None),
    ],
)
def test_the_deepest_key_that_stands_in_the_text_is_found(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line
