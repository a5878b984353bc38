"""What the content workers of a confined gateway have imported, and what they keep, after many ways."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest

from tests.reference_gateway.everyway import Campaign
from tests.reference_gateway.leaks import ways
from tests.reference_gateway.leaks.asked import kept_for_good, modules
from tests.reference_gateway.leaks.finished import started, twin
from tests.reference_gateway.leaks.rows import covers

ROOT = Path(__file__).parents[3]
#: Libraries that log, keep, validate or report what passes through them, by the names they are imported by.
KEEPERS = frozenset(
    {
        *("orjson", "simplejson", "ujson", "pydantic", "pydantic_core", "attrs", "marshmallow"),
        *("fastapi", "starlette", "flask", "django", "litestar", "multipart", "python_multipart"),
        *("httpx", "httpx2", "httpcore", "aiohttp", "requests", "urllib3", "niquests", "http.client"),
        *("sentry_sdk", "opentelemetry", "ddtrace", "newrelic", "elasticapm", "structlog", "loguru"),
        *("openai", "anthropic", "litellm", "rich", "apsw", "sqlcipher3", "sqlalchemy"),
    }
)


@dataclass(frozen=True, slots=True)
class Inside:
    """Modules of each worker before and after the ways, and what they keep of them."""

    before: Mapping[int, frozenset[str]]
    after: Mapping[int, frozenset[str]]
    kept: list[str]
    campaign: Campaign


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with started(tmp_path_factory.mktemp("inside"), twin("asked")) as campaign:
        before = modules(campaign)
        ways.go_some(campaign)
        after = modules(campaign)
        yield Inside(before, after, kept_for_good(campaign), campaign)


def test_the_ways_were_gone_behind_the_walls(inside: Inside) -> None:
    with inside.campaign.gateway.client() as client:
        health = client.get("/health").json()

    assert inside.campaign.outcomes == ways.expected(ways.SOME)
    assert health["confinement"] == "enforced"


def test_workers_import_nothing_once_they_serve(inside: Inside) -> None:
    assert inside.after == inside.before


@covers(4, 5, 6, 10, 11, 12, 15, 17, 18, 23, 24)
def test_workers_hold_no_library_that_keeps_what_passes_through_it(inside: Inside) -> None:
    loaded = {name for names in inside.after.values() for name in names}

    assert {"msgspec", "uvicorn", "uvloop", "httptools"} <= loaded
    assert loaded & KEEPERS == set()


@covers(22)
def test_no_object_of_a_worker_holds_content_when_its_call_is_over(inside: Inside) -> None:
    """Freed memory is another matter: what was in it stays until something else is written there."""
    assert inside.kept == []


@covers(1, 2, 4, 15, 24)
def test_nothing_that_the_gateway_needs_brings_such_a_library() -> None:
    graph = grimp.build_graph("reference_gateway", include_external_packages=True, cache_dir=None)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    imported = graph.modules - {"reference_gateway"} - graph.find_descendants("reference_gateway")

    assert {"msgspec", "uvicorn"} <= imported
    assert imported & KEEPERS == set()
    assert not any(name.startswith(tuple(KEEPERS - {"rich", "httpx"})) for name in project["dependencies"])


@covers(1, 7, 16, 18)
def test_contracts_keep_the_content_plane_from_what_writes() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(
        set(one["forbidden_modules"])
        for one in contracts
        if one["type"] == "forbidden" and one["source_modules"] == ["reference_gateway.content"]
    )

    assert {"json", "logging", "pickle", "tempfile", "traceback", "sqlite3", "pathlib"} <= forbidden


@covers(19)
def test_no_proxy_configuration_is_shipped() -> None:
    """One with default buffering would put content into files. None at all cannot."""
    shipped = [
        path
        for folder in (ROOT / "reference_gateway", ROOT / "conformance", ROOT / "reports")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]

    assert len(shipped) > 50
    assert [path.name for path in shipped if b"proxy_pass" in path.read_bytes()] == []
