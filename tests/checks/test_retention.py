"""Z1: hits first, then what was sent, then the scan's own sight."""

from typing import Any

import msgspec
import pytest

from conformance.checks.retention import surfaces_hold_no_content, what_surrounds_content_is_not_kept
from conformance.model.campaign import Campaign, PathRun, Restarts
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.storage import (
    CanaryId,
    Coverage,
    Gap,
    ScannedSurface,
    SeenCell,
    Sighting,
    SurfaceControl,
    SurfaceScan,
)
from conformance.model.verdict import Pass
from tests.checks.made import word

_SEEN = SurfaceControl(kind="value of this run", decisive=True, detail="found")
_GREW = SurfaceControl(kind="growth", decisive=False, detail="grew")
NOT_RUN = Unobserved(reason="a limit was reached", fault=Fault.OPERATOR, decide="raise it")


def sighting(field: str | None, surface: str = "log") -> Sighting:
    canary = CanaryId(sequence=1, path="success", field=field, copy=0) if field else None
    return Sighting(surface=surface, item="a", offset=0, length=27, form="raw", canary=canary)


def planted(surface: str = "log") -> Sighting:
    """A control of the suite's own."""
    canary = CanaryId(sequence=1, path="control", field="planted", copy=0)
    return Sighting(surface=surface, item="a", offset=0, length=27, form="raw", canary=canary)


def surface(
    *sightings: Sighting,
    locator: str = "log",
    control: SurfaceControl | None = _SEEN,
    gaps: int = 0,
    **more: Any,
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
        **more,
    )


def scan(*surfaces: ScannedSurface, searched: int = 100) -> SurfaceScan:
    return SurfaceScan(surfaces=surfaces, searched=searched, forms=49, run="r7")


def path(name: str = "success", counted: int = 60, sent: int = 60, **more: Any) -> PathRun:
    """Sixty requests over three keys."""
    fields: dict[str, Any] = {
        "kind": "forwarded",
        "told": ("200",),
        "seconds": 1.0,
        "keys": 3,
        "connections": 6,
    }
    return PathRun(path=name, sent=sent, counted=counted, **(fields | more))


def campaign(*further: PathRun, counted: int = 60, sent: int = 60) -> Campaign:
    paths = (path(counted=counted, sent=sent), *further)
    return Campaign(sample=60, paths=paths, cells=(), keys=3, answers=60)


def restarts(counted: int = 5) -> Restarts:
    return Restarts(paths=(path("restart", counted, 6),), cells=(), restarts=2)


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
        (scan(surface(behind="the last canary was not found")), campaign(), "inconclusive"),
        (scan(surface(), surface(control=None, locator="db")), campaign(), "inconclusive"),
        (scan(), campaign(), "inconclusive"),
        # What surrounds content is no content.
        (scan(surface(sighting("query"), sighting("model"))), campaign(), "pass"),
        (scan(surface(sighting("query"), sighting("user"))), campaign(), "fail"),
    ],
)
def test_content_on_a_surface(seen: SurfaceScan, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(surfaces_hold_no_content(seen, sent, NOT_RUN)) == verdict


def test_a_pass_calls_nothing_absent_that_was_seen() -> None:
    said = surfaces_hold_no_content(scan(surface(sighting("query"), sighting("model"))), campaign(), NOT_RUN)

    assert said.because.startswith(
        "98 canaries in 49 forms absent from 1,000 bytes on 1 surfaces, where others stand that are no content;"
    )


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


@pytest.mark.parametrize(
    ("further", "undecided"),
    [
        # Every gateway has these, in one way or another, or is declared to have them.
        ((path("stream", 0),), "stream"),
        ((path("malformed: cut", 0), path("malformed: deep", 0)), "malformed"),
        ((path("left near the end", 0, 0, kind="aborted"),), "left"),
        ((path("embeddings", 0, endpoint="embeddings"),), "embeddings"),
        ((path("malformed: cut", 0), path("malformed: deep")), ""),
        # These may be impossible to take.
        ((path("over budget", 0, 0), path("rate limited", 0), path("over 10 MB", 0)), ""),
    ],
)
def test_a_path_that_no_request_took_leaves_open_what_every_gateway_has(
    further: tuple[PathRun, ...], undecided: str
) -> None:
    verdict = surfaces_hold_no_content(scan(surface()), campaign(*further), NOT_RUN)

    assert word(verdict) == ("inconclusive" if undecided else "pass")
    assert verdict.because.endswith(undecided)


def test_a_pass_names_every_path_that_was_not_taken() -> None:
    poor, hurried = path("over budget", 0, 0, note="no limit can be set"), path("rate limited", 0)

    without = surfaces_hold_no_content(scan(surface()), campaign(poor, hurried), NOT_RUN)
    with_restarts = surfaces_hold_no_content(scan(surface()), campaign(poor), restarts())
    in_vain = surfaces_hold_no_content(scan(surface()), campaign(), restarts(counted=0))

    assert without.because.endswith("; not tried: over budget, rate limited, restart")
    assert with_restarts.because.endswith("; not tried: over budget")
    assert in_vain.because.endswith("; not tried: restart")
    assert isinstance(with_restarts, Pass)
    assert [type(cited).__name__ for cited in with_restarts.cites] == ["SurfaceScan", "Campaign", "Restarts"]


@pytest.mark.parametrize(
    ("paths", "sensitivity", "said"),
    [
        ((), 1.0, "keeping 4.9 % of them or more would have been seen with 95 % confidence on every path, as far"),
        ((), 0.5, "keeping 9.8 % of them or more would have been seen with 95 % confidence on every path, of which 50 % is"),
        ((path("over 10 MB", 2),), 1.0, "confidence on every path"),
        ((path("over 10 MB", 2), path("stream")), 1.0, "4.9 % of them or more would"),
        ((path("over 10 MB", 2), path("stream")), 1.0, "on most paths (78 % on over 10 MB, 2)"),
        ((path("over 10 MB", 1), path("stream")), 0.9, "on most paths (none on over 10 MB, 1)"),
        ((), 0.01, "60 requests on 1 paths, too few for a bound on sampled retention"),
    ],
)  # fmt: skip
def test_a_pass_says_what_a_sampler_could_still_hide(
    paths: tuple[PathRun, ...], sensitivity: float, said: str
) -> None:
    seen = scan(surface(sensitivity=sensitivity), surface(locator="db"))

    verdict = surfaces_hold_no_content(seen, campaign(*paths), restarts(counted=0))

    assert said in verdict.because


def test_a_pass_says_over_what_its_requests_were_spread() -> None:
    narrow = path("stream", keys=1, connections=2, seconds=0.54)

    verdict = surfaces_hold_no_content(
        scan(surface()), campaign(narrow, path("over 10 MB", 1, keys=1)), NOT_RUN
    )

    assert "as far as at least 1 key, 2 connections and 0.54 s each stand for all" in verdict.because


def test_a_finding_explains_itself_and_shows_nothing_that_stands_around_it() -> None:
    found = msgspec.structs.replace(sighting("user"), item="a.log", chain=("base64", "gzip"), offset=1234)

    verdict = surfaces_hold_no_content(scan(surface(found)), campaign(), NOT_RUN)

    assert getattr(verdict, "observed", "") == (
        "run r7, request 1, field user, path success, copy 0: log: a.log at byte 1,234, as raw in gzip in base64"
    )


def test_a_finding_counts_what_the_list_of_sightings_leaves_out() -> None:
    cells = [SeenCell(path=f"path {n}", field="user", canaries=10 + n) for n in range(6)]
    cells += [SeenCell(path="success", field="header", canaries=500)]
    logged = surface(sighting("user"), cells=tuple(cells))

    verdict = surfaces_hold_no_content(scan(logged, surface(locator="db")), campaign(), NOT_RUN)

    assert verdict.because == "content was kept: at least 75 of 100 canaries were found in log"
    assert getattr(verdict, "observed", "").endswith(
        "; in all user on path 5 (15), user on path 4 (14), user on path 3 (13), user on path 2 (12), "
        "user on path 1 (11) and 1 more"
    )


def test_a_marker_alone_is_a_finding_too() -> None:
    verdict = surfaces_hold_no_content(scan(surface(sighting(None))), campaign(), NOT_RUN)

    assert "run r7, the marker alone, its payload cut off or altered: log: a at byte 0" in getattr(
        verdict, "observed", ""
    )
