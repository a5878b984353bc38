"""Controls in a report: which of them a claim bears on, and in which words."""

from collections.abc import Sequence

from conformance.model.mapped import ControlGroup, Relation
from conformance.model.results import Results

RELATIONS: dict[Relation, str] = {
    "supports": "is evidence about the same thing",
    "partial": "is evidence about a part of it",
    "analogue": "is alike, but outside its scope",
}


def frameworks(results: Results) -> dict[str, str]:
    """The name and edition of each framework, by its id."""
    return {framework.id: f"{framework.name} ({framework.edition})" for framework in results.frameworks}


def of_claims(results: Results) -> dict[str, tuple[ControlGroup, ...]]:
    """The controls of every claim, by its id."""
    return {claim.id: claim.controls for claim in results.claims}


def told(groups: Sequence[ControlGroup]) -> str:
    """The controls on one line: `soc2 CC6.1 CC6.7 (partial); csf PR.DS-02 (supports)`."""
    return "; ".join(f"{group.framework} {' '.join(group.ids)} ({group.relation})" for group in groups)
