"""What careless code would write does not get out, and where it does get out, the search finds it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reference_gateway.everyway import CHAT, Campaign, await_that
from tests.reference_gateway.leaks import writings
from tests.reference_gateway.leaks.asked import kept
from tests.reference_gateway.leaks.finished import started, twin
from tests.reference_gateway.leaks.rows import covers
from tests.reference_gateway.leaks.twins import LOUD

_WAYS = ("well", "fail-inside")


def go(campaign: Campaign) -> None:
    """One call that goes well, and one with a fault inside the gateway."""
    for way in _WAYS:
        campaign.go(way, campaign.request(way, CHAT, user=f"{way} {campaign.canaries.word(way, 'user')}"))


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One process, so that its standard error would show what a worker's cannot."""
    with started(tmp_path_factory.mktemp("careless"), twin("careless"), LOUD) as campaign:
        go(campaign)
        campaign.gateway.stop()
        yield campaign


def test_careless_code_is_served_with_constants(careless: Campaign) -> None:
    assert careless.outcomes["well"].status == 200
    assert careless.outcomes["fail-inside"].fault == "INTERNAL"


@covers(6, 7, 11, 13)
def test_texts_of_exceptions_reach_nobody(careless: Campaign) -> None:
    folder = careless.gateway.folder
    answer = {"answer": careless.answers["fail-inside"]}

    assert (folder / "stderr").read_bytes() == b""
    assert careless.canaries.sightings({**writings.of_folder(folder), **answer}) == []


@covers(7, 13)
def test_every_fault_is_an_event_without_words(careless: Campaign) -> None:
    faults = careless.events("internal_fault")
    of_loop = [one for one in careless.events("request") if (one["route"], one["status"]) == ("unknown", 500)]

    # On each way a thread and a finaliser, and on the event loop a task and a callback.
    assert faults == [{"event": "internal_fault"}] * 2 * len(_WAYS)
    assert len(of_loop) == 2 * len(_WAYS)


@dataclass(frozen=True, slots=True)
class Leaked:
    """Where the search found content, and what objects held it."""

    sightings: str
    kept: list[str]


def folder_has(folder: Path, words: bytes) -> int:
    """How many files have these words."""
    return sum(words in data for data in writings.of_folder(folder).values())


@pytest.fixture(scope="module")
def leaked(tmp_path_factory: pytest.TempPathFactory) -> Leaked:
    folder: Path = tmp_path_factory.mktemp("leaky")
    with started(folder, twin("leaky"), LOUD) as campaign:
        watch = writings.Watch(campaign.gateway)
        with watch.watching():
            go(campaign)
            # The last of the flaws, and what comes behind all of them.
            await_that(lambda: folder_has(folder, b"RuntimeError: application") >= len(_WAYS))
            looks = watch.looks
            await_that(lambda: watch.looks > looks + 10 or not writings.everybody_may_look())
            written = writings.of_kernel(campaign.gateway)
        written |= writings.of_folder(folder) | watch.files
        return Leaked("\n".join(campaign.canaries.sightings(written)), kept(campaign))


PLACES = {
    "a compressed temporary file": "tmp/leaky.gz: canary of well, user, raw in gzip",
    "a database of its own": "tmp/leaky.sqlite3-wal: canary of well, user, raw",
    "what a logger says": "said-",
    "the name of a process": "comm: a canary's first half, raw",
}


@pytest.mark.parametrize("place", PLACES)
def test_content_is_found_wherever_a_flaw_leaves_it(leaked: Leaked, place: str) -> None:
    assert PLACES[place] in leaked.sightings


def test_content_in_a_file_without_a_name_is_found_by_who_may_look(leaked: Leaked) -> None:
    assert ("(deleted): canary of well, user, raw" in leaked.sightings) is writings.everybody_may_look()


def test_content_in_an_object_is_found(leaked: Leaked) -> None:
    assert "str in list" in leaked.kept
