"""Verdicts: what the evidence says about one check. Unknown is a verdict, and nothing passes for free."""

from dataclasses import dataclass

import msgspec

from conformance.model.evidence import Evidence


class Norm(msgspec.Struct, frozen=True, kw_only=True):
    """What a public standard says of the same facts; never reaches the exit code.

    A claim can be broken while the norm is met (TLS 1.2 beside 1.3), and the other way round.
    """

    source: str
    verdict: str  # "met", "not met" or a note
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Observed to hold. Must cite evidence that saw something."""

    because: str
    cites: tuple[Evidence, ...]
    norm: tuple[Norm, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a pass that rests on nothing."""
        if not self.cites:
            raise ValueError("a pass must cite what was seen")
        for evidence in self.cites:
            if evidence.seen() <= 0:
                raise ValueError(f"a pass cannot rest on {type(evidence).__name__}, which saw nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Observed to be broken. Needs no control: a breach that was seen is a breach."""

    because: str
    expected: str
    observed: str
    cites: tuple[Evidence, ...]
    reproduction: str = ""
    norm: tuple[Norm, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a finding that shows nothing."""
        if not self.cites:
            raise ValueError("a fail must cite what was seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inconclusive:
    """Could not be observed; says what would decide it."""

    because: str
    decide: str
    cites: tuple[Evidence, ...] = ()
    norm: tuple[Norm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """Positive evidence that the target has no such thing."""

    because: str
    cites: tuple[Evidence, ...]
    norm: tuple[Norm, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an exemption that rests on nothing."""
        if not self.cites:
            raise ValueError("not-applicable must cite what was seen")


Verdict = Pass | Fail | Inconclusive | NotApplicable
