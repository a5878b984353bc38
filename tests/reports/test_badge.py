"""The badge, as an endpoint of shields.io must be: https addresses of badges name its schema, version 1."""

import json

import jsonschema
import msgspec
import pytest

from conformance.model.results import ExitCode
from reports.badge import render
from tests.reports.sample import sample_results
from tests.reports.test_html import bare

_SCHEMA = {  # the properties that the endpoint badge documents, of those that are used
    "type": "object",
    "required": ["schemaVersion", "label", "message"],
    "additionalProperties": False,
    "properties": {
        "schemaVersion": {"const": 1},
        "label": {"type": "string"},
        "message": {"type": "string", "minLength": 1},
        "color": {"enum": ["brightgreen", "red", "yellow", "lightgrey"]},
        "isError": {"type": "boolean"},
    },
}


@pytest.mark.parametrize(
    ("code", "colour", "opening"),
    [
        (0, "brightgreen", "conforms"),
        (1, "red", "does not conform"),
        (3, "yellow", "not decided"),
        (4, "lightgrey", "fault of the suite"),
    ],
)
def test_a_badge_says_in_words_what_its_colour_says(code: ExitCode, colour: str, opening: str) -> None:
    results = sample_results()
    gate = msgspec.structs.replace(results.gate, exit_code=code)

    badge = json.loads(render(msgspec.structs.replace(results, gate=gate)))

    jsonschema.validate(badge, _SCHEMA)
    assert badge["color"] == colour
    assert badge["message"] == f"{opening}: 4 of 11 claims"


def test_a_badge_counts_what_was_not_assessed_against_the_target() -> None:
    results = bare()
    gate = msgspec.structs.replace(results.gate, conforms=0, not_assessed=27)

    badge = json.loads(render(msgspec.structs.replace(results, gate=gate)))

    assert badge["message"] == "not decided: 0 of 27 claims"
    assert badge["isError"] is True
