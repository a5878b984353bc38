"""Headers that come again with a prompt, and with no other."""

import pytest

from conformance.probes.heads import Head, telling_headers


def heads(*values: str, name: str = "x-cache-key") -> list[Head]:
    """Answers to one prompt twice, and to two others in between."""
    prompts = ("one", "two", "three", "one")
    return [
        (prompt, (("Server", "gateway"), (name, value)))
        for prompt, value in zip(prompts, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("values", "telling"),
    [
        (("aaaaaaaa", "bbbbbbbb", "cccccccc", "aaaaaaaa"), ("x-cache-key",)),
        (("aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"), ()),
        (("aaaaaaaa", "aaaaaaaa", "cccccccc", "aaaaaaaa"), ()),
        (("aaaaaaaa", "aaaaaaaa", "aaaaaaaa", "aaaaaaaa"), ()),
        (("aaaa", "bbbb", "cccc", "aaaa"), ()),
        (("0.00001234", "0.00005678", "0.00009999", "0.00001234"), ()),
        (("1234567890", "2345678901", "3456789012", "1234567890"), ()),
    ],
)
def test_a_value_that_comes_again_with_its_prompt_alone_is_telling(
    values: tuple[str, ...], telling: tuple[str, ...]
) -> None:
    assert telling_headers(heads(*values)) == (2, telling)


def test_names_are_the_same_in_any_case() -> None:
    told = heads("aaaaaaaa", "bbbbbbbb", "cccccccc", "aaaaaaaa", name="ETag")
    told[0] = ("one", (("server", "gateway"), ("etag", "aaaaaaaa")))

    assert telling_headers(told) == (2, ("etag",))


def test_too_few_answers_tell_nothing() -> None:
    told = heads("aaaaaaaa", "bbbbbbbb", "cccccccc", "aaaaaaaa")

    assert telling_headers([]) == (0, ())
    assert telling_headers(told[:3]) == (0, ())
    assert telling_headers([told[0], told[1], told[3]]) == (0, ())
