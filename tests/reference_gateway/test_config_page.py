"""The gateway's page names every key of its configuration, and no other."""

import re
from pathlib import Path

import msgspec

from reference_gateway import config_file
from reference_gateway.config_file import File

PAGE = Path(config_file.__file__).with_name("README.md")
_SPAN = re.compile(r"`([a-z_]+)`")
# Values of keys, and tables.
_NOT_KEYS = {"live", "admin", "keys", "viewer", "bearer", "price"}


def keys_of(struct: type) -> set[str]:
    """The names of a struct's fields and of those below it."""
    return {
        name
        for field in msgspec.structs.fields(struct)
        for name in ({field.name} | below(msgspec.inspect.type_info(field.type)))
    }


def below(info: object) -> set[str]:
    match info:
        case msgspec.inspect.StructType(cls=cls):
            return keys_of(cls)
        case msgspec.inspect.VarTupleType(item_type=item):
            return below(item)
        case _:
            return set()


def test_the_page_has_a_word_on_every_key() -> None:
    section = PAGE.read_text().partition("## Configuration")[2].partition("\n## ")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    told = set(_SPAN.findall(table)) | set(re.findall(r"`\[+(?:admin\.)?([a-z]+)\]+`", table))

    assert told - _NOT_KEYS == keys_of(File) - _NOT_KEYS
