"""The badge: what an endpoint badge of shields.io is made from. Its words say what its colour does."""

import json

from conformance.model.results import ExitCode, Results

_COLOURS: dict[ExitCode, str] = {0: "brightgreen", 1: "red", 2: "lightgrey", 3: "yellow", 4: "lightgrey"}
_OPENING: dict[ExitCode, str] = {
    0: "conforms",
    1: "does not conform",
    2: "not audited",
    3: "not decided",
    4: "fault of the suite",
}


def render(results: Results) -> str:
    """The badge as JSON: of how many claims that the target makes this run can say that they conform."""
    gate = results.gate
    return (
        json.dumps(
            {
                "schemaVersion": 1,
                "label": "gateproof",
                "message": f"{_OPENING[gate.exit_code]}: {gate.conforms} of {len(gate.claims) + gate.not_assessed} claims",
                "color": _COLOURS[gate.exit_code],
                "isError": gate.exit_code != 0,
            },
            indent=2,
        )
        + "\n"
    )
