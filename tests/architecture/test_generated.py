"""Generated files are current, and their examples are target files that load."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from conformance.dialects.shipped import shipped
from conformance.model.results import encode
from conformance.target_file import dialect_of, load
from tests.architecture import generated
from tests.architecture.markdown import fenced
from tests.architecture.repository import ROOT, files
from tests.architecture.target_page import EXAMPLES, NOT_YET
from tests.reports.sample import sample_results

_EXAMPLES = sorted(EXAMPLES.glob("*.toml"))


def test_generated_files_are_current() -> None:
    stale = generated.stale()

    assert not stale, "run `make docs`\n" + "\n".join(stale.values())


def test_an_outdated_file_is_shown_as_a_diff(tmp_path: Path) -> None:
    (tmp_path / "conformance").mkdir()
    generated.write(tmp_path)
    assert not generated.stale(tmp_path)

    (tmp_path / "TARGET.md").write_text("nothing of it\n")

    assert list(generated.stale(tmp_path)) == ["TARGET.md"]
    assert "-nothing of it" in generated.stale(tmp_path)["TARGET.md"]


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_target_file(example: Path) -> None:
    target = load(example)

    assert target.name


@pytest.mark.parametrize("page", ["README.md", "TARGET.md", "CONTRIBUTING.md"])
def test_whatever_a_page_shows_as_a_target_file_is_one(page: str, tmp_path: Path) -> None:
    shown = [block for block in fenced(ROOT / page, "toml") if "base_urls" in block]

    for number, block in enumerate(shown):
        place = tmp_path / f"{number}.toml"
        place.write_text(block)
        assert load(place).gateway.base_urls
    assert shown or page == "CONTRIBUTING.md"


def test_every_example_stands_on_the_page() -> None:
    shown = {block.strip() for block in fenced(ROOT / "TARGET.md", "toml")}

    assert {example.read_text().strip() for example in _EXAMPLES} <= shown


def test_the_examples_speak_every_shipped_dialect_and_one_of_their_own() -> None:
    spoken = {dialect.name for example in _EXAMPLES if (dialect := dialect_of(load(example)))}

    assert set(shipped()) < spoken


@pytest.mark.parametrize("name", NOT_YET.values())
def test_a_key_that_is_said_to_be_unused_is(name: str) -> None:
    readers = {"conformance/target.py", "conformance/target_file.py", "conformance/dialects/sound.py"}
    used = re.compile(rf"{re.escape(name)}\b")
    users = [
        p
        for p in files()
        if p.parts[0] == "conformance" and p.suffix == ".py" and p.as_posix() not in readers
    ]

    assert not [path for path in users if used.search((ROOT / path).read_text())]


def test_results_are_what_their_schema_says() -> None:
    schema = json.loads((ROOT / "conformance" / "results.schema.json").read_text())
    dialect = jsonschema.Draft202012Validator

    assert dialect(dialect.META_SCHEMA).is_valid(schema)
    assert [*dialect(schema).iter_errors(json.loads(encode(sample_results())))] == []
