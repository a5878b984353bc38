"""Z1: hits first, then what was sent, then the scan's own sight."""

import msgspec
import pytest

from conformance.checks.retention import surfaces_hold_no_content, what_surrounds_content_is_not_kept
from conformance.model.campaign import Campaign, PathRun
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.storage import (
    CanaryId,
    Coverage,
    Gap,
    ScannedSurface,
    Sighting,
    SurfaceControl,
    SurfaceScan,
)
from tests.checks.made import word

_SEEN = SurfaceControl(kind="value of this run", decisive=True, detail="found")
_GREW = SurfaceControl(kind="growth", decisive=False, detail="grew")
NOT_RUN = Unobserved(reason="a limit was reached", fault=Fault.OPERATOR, decide="raise it")


def sighting(field: str | None, surface: str = "log") -> Sighting:
    canary = CanaryId(sequence=1, path="success", field=field, copy=0) if field else None
    return Sighting(surface=surface, item="a", offset=0, length=27, form="raw", canary=canary)


def surface(
    *sightings: Sighting, locator: str = "log", control: SurfaceControl | None = _SEEN, gaps: int = 0
) -> ScannedSurface:
    return ScannedSurface(
        locator=locator,
        kind="files",
        role="log",
        encryption="none",
        coverage=Coverage(items=1, bytes_raw=1000, gaps=(Gap(item="b", reason="permission denied"),) * gaps),
        sightings=sightings,
        sightings_total=len(sightings),
        canaries=len(sightings),
        controls=(control,) if control else (),
    )


def scan(*surfaces: ScannedSurface, searched: int = 100) -> SurfaceScan:
    return SurfaceScan(surfaces=surfaces, searched=searched, forms=49)


def campaign(counted: int = 60, sent: int = 60) -> Campaign:
    path = PathRun(path="success", kind="forwarded", sent=sent, counted=counted, told=("200",), seconds=1.0)
    return Campaign(sample=60, paths=(path,), fields=(), keys=3, answers=60)


@pytest.mark.parametrize(
    ("seen", "sent", "verdict"),
    [
        (scan(surface()), campaign(), "pass"),
        # A sighting stands whatever else is missing.
        (scan(surface(sighting("user"))), campaign(), "fail"),
        (scan(surface(sighting("user"), control=None, gaps=1)), campaign(), "fail"),
        (scan(surface(sighting("user"))), NOT_RUN, "fail"),
        (scan(surface(sighting("user"))), campaign(counted=0), "fail"),
        (scan(surface(), surface(sighting("assistant", "db"), locator="db")), campaign(), "fail"),
        (scan(surface(sighting(None))), campaign(), "fail"),
        # Without content sent, without sight, without bytes: nothing is concluded.
        (scan(surface()), NOT_RUN, "inconclusive"),
        (scan(surface()), campaign(counted=0), "inconclusive"),
        (scan(surface(), searched=0), campaign(), "inconclusive"),
        (scan(surface(control=None)), campaign(), "inconclusive"),
        (scan(surface(control=_GREW)), campaign(), "inconclusive"),
        (scan(surface(gaps=1)), campaign(), "inconclusive"),
        (scan(surface(), surface(control=None, locator="db")), campaign(), "inconclusive"),
        (scan(), campaign(), "inconclusive"),
        # What surrounds content is no content.
        (scan(surface(sighting("query"), sighting("model"))), campaign(), "pass"),
        (scan(surface(sighting("query"), sighting("user"))), campaign(), "fail"),
    ],
)
def test_content_on_a_surface(seen: SurfaceScan, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(surfaces_hold_no_content(seen, sent)) == verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (scan(surface()), "pass"),
        (scan(surface(sighting("query"))), "fail"),
        (scan(surface(sighting("user id"), control=None)), "fail"),
        (scan(surface(sighting("query"), sighting("user"))), "inconclusive"),
        (scan(surface(sighting("query")), surface(sighting("user", "db"), locator="db")), "fail"),
        (scan(surface(control=None)), "inconclusive"),
    ],
)
def test_what_surrounds_content(seen: SurfaceScan, verdict: str) -> None:
    assert word(what_surrounds_content_is_not_kept(seen, campaign())) == verdict


def test_a_pass_says_what_a_sampler_could_still_hide() -> None:
    verdict = surfaces_hold_no_content(scan(surface()), campaign())

    assert "retention of more than 5 % of them would have been seen with 95 % confidence" in verdict.because


def test_a_finding_shows_nothing_that_stands_around_it() -> None:
    verdict = surfaces_hold_no_content(
        scan(surface(msgspec.structs.replace(sighting("user"), item="a.log"))), campaign()
    )

    assert "canary 1 (user, success) as raw at byte 0 of a.log" in getattr(verdict, "observed", "")
