"""What the campaign sends, before it is sent: canaries where they are said to be, and sizes that were announced."""

import asyncio
import base64
import json
import ssl
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.audit import Plan
from conformance.canary.mint import LENGTH
from conformance.catalogue import observations
from conformance.commands.plan import _LARGEST_CALL, _money
from conformance.model.campaign import Campaign
from conformance.model.preflight import Preflight, Price
from conformance.probes.calls import MAX_TOKENS
from conformance.probes.retention import switches
from conformance.probes.retention.fields import FIELDS
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.oversize import KIB, MIB
from conformance.probes.retention.path import Path as Way
from conformance.probes.retention.paths import paths
from conformance.session import Session
from conformance.target import Endpoint, Gateway, Limits, Model, Target
from tests.probes.conftest import session_of

_KINDS = ("chat", "completions", "responses", "embeddings", "messages", "models")
_TARGET = Target(
    name="t",
    environment="test",
    gateway=Gateway(base_urls=("http://127.0.0.1:1",)),
    inference=msgspec.convert(
        [{"kind": kind, "path": f"/v1/{kind}"} for kind in _KINDS], tuple[Endpoint, ...]
    ),
    models={"m": Model(prompt_price="1", completion_price="2")},
)
_PATHS = paths(_TARGET)
_PRICE = Price(model="m", source="declared", prompt=10**6, completion=2 * 10**6)
_LARGE = tuple(path for path in _PATHS if path.name.startswith("over ") and path.name.endswith("B"))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session that sends nothing."""
    learnt: dict[type, object] = {Preflight: Preflight(steps=(), price=_PRICE)}
    session = session_of(
        _TARGET, tmp_path_factory.mktemp("run"), ssl.create_default_context(), gathered=learnt
    )
    yield session
    session.journal.close()
    asyncio.run(session.door.close())


def _written(session: Session, path: Way, number: int) -> Letter:
    writer = Writer(session, path.name, url=f"/v1/{path.endpoint}", model="m", number=number, key="sk-1")
    return path.write(writer)


def _numbers(path: Way) -> range:
    return range(min(30, path.count(300)))


def _text(letter: Letter) -> str:
    head = " ".join((letter.url, *letter.headers.values()))
    return f"{head} {letter.content.decode(errors='replace')}".upper()


@pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.name)
def test_every_canary_of_a_letter_stands_in_it(session: Session, path: Way) -> None:
    for number in _numbers(path):
        letter = _written(session, path, number)
        text = _text(letter)
        hidden = [
            field for field, atom in letter.canaries if atom not in text and field not in letter.encoded
        ]

        assert letter.canaries
        assert hidden == []
        assert all(encoded in letter.content for encoded in letter.encoded.values())


@pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.name)
def test_a_letter_is_no_larger_than_the_plan_takes_it_for(session: Session, path: Way) -> None:
    letters = [_written(session, path, number) for number in _numbers(path)]

    # That is how the meter and the plan agree: what a letter may cost is what its size in the plan may cost.
    assert max(letter.money for letter in letters) <= _PRICE.bill(_LARGEST_CALL + path.bulk(1), MAX_TOKENS)


@pytest.mark.parametrize("path", _LARGE, ids=lambda path: path.name)
def test_copies_in_an_oversize_text_lie_far_apart(session: Session, path: Way) -> None:
    letter = _written(session, path, 0)
    atom = letter.canaries[0][1]
    copies = [letter.content.index(session.mint.repeat(atom, copy).encode()) for copy in range(3)]

    assert min(later - earlier for earlier, later in pairwise(copies)) > 4 * KIB


def test_oversize_bodies_are_as_large_as_they_are_called(session: Session) -> None:
    sizes = {path.name: len(_written(session, path, 0).content) for path in _LARGE}

    assert sizes["over 32 KB"] > 32 * KIB
    assert sizes["over 1 MB"] > MIB
    assert sizes["over 10 MB"] > 10 * MIB


def test_an_oversize_body_is_text_as_far_as_the_money_goes(session: Session) -> None:
    dear, cheap = (
        Target(
            name="t",
            environment="test",
            gateway=_TARGET.gateway,
            models=_TARGET.models,
            limits=Limits(money=money),
        )
        for money in ("5.00", "500.00")
    )

    assert [path.bulk(6) for path in paths(dear) if path.name == "over 1 MB"] == [6 * 16 * KIB]
    assert [path.bulk(6) for path in paths(cheap) if path.name == "over 1 MB"] == [6 * (MIB + 64 * KIB)]


@pytest.mark.parametrize("kind", [kind for kind in _KINDS if kind in FIELDS])
def test_optional_fields_are_taken_in_turn(session: Session, kind: str) -> None:
    path = next(p for p in _PATHS if p.endpoint == kind and p.name.endswith("optional fields"))
    count = path.count(20)
    found = Counter(field for n in range(count) for field, _ in _written(session, path, n).canaries)

    assert count % len(FIELDS[kind]) == 0
    assert count >= 20
    assert min(found.values()) >= 2


def test_every_debug_switch_is_tried(session: Session) -> None:
    path = next(p for p in _PATHS if p.name == "debug switches")
    letters = [_written(session, path, number) for number in range(switches.EVERY)]
    shapes = {
        (letter.url, *sorted(letter.headers), *sorted(json.loads(letter.content)), *letter.headers.values())
        for letter in letters
    }

    assert len(shapes) == switches.EVERY


@given(number=st.integers(0, 10**6))
def test_files_hold_their_canaries_once_they_are_decoded(session: Session, number: int) -> None:
    names = tuple(FIELDS["chat"])
    path = next(p for p in _PATHS if p.name == "optional fields")
    for name, field in (("image", "image"), ("photograph", "photograph"), ("sound", "sound")):
        letter = _written(session, path, names.index(name) + len(names) * (number % 3))
        atom = dict(letter.canaries)[field]
        data = base64.b64decode(letter.encoded[field].rpartition(b",")[2])
        assert atom.encode() in data


def test_a_word_form_stands_beside_the_users_canary(session: Session) -> None:
    letter = _written(session, _PATHS[0], 0)
    phrase = session.mint.phrase(letter.canaries[0][1])

    assert phrase in letter.prompt
    assert len(letter.prompt) > 3 * LENGTH + len(phrase)


def test_a_text_carries_its_canary_at_its_beginning_and_twice_more(session: Session) -> None:
    body: dict[str, Any] = json.loads(_written(session, _PATHS[0], 0).content)
    system = body["messages"][0]["content"]

    assert session.mint.read(system[:LENGTH]) is not None
    assert system.count(session.mint.marker) == 3


@pytest.mark.parametrize("sample", [1, 3, 60, 300, 3000])
def test_heavy_paths_send_few_and_all_others_the_sample(sample: int) -> None:
    counts = {path.name: path.count(sample) for path in _PATHS}

    assert counts["success"] == counts["provider error"] == counts["malformed: deep nesting"] == sample
    assert 1 <= counts["over 10 MB"] <= counts["over 1 MB"] <= 6


def test_the_plan_foresees_the_money(session: Session) -> None:
    look = next(o for o in observations() if o.yields is Campaign)
    sample = 60
    spent = sum(
        path.each * sum(_written(session, path, number).money for number in range(path.count(sample)))
        for path in _PATHS
    )
    foreseen = _money(_TARGET, Plan(observations=(look,), barred={}), sample)

    assert foreseen is not None
    assert spent <= foreseen


def test_no_two_paths_are_called_the_same() -> None:
    assert len({path.name for path in _PATHS}) == len(_PATHS)


def test_what_a_provider_that_fails_is_asked_for_comes_after_everything_else() -> None:
    failing = {path.name for path in _PATHS if path.stage > 0}

    assert {name for name in failing if "provider" not in name} == {"rate limited"}


def test_money_is_counted_for_text_and_not_for_blanks(session: Session) -> None:
    large = next(path for path in _LARGE if path.name == "over 10 MB")
    letter = _written(session, large, 1)

    assert letter.money < _PRICE.bill(20 * KIB, 16)
