"""The catalogue is whole: every check reads, knows its claim, can get its evidence, and is proven by a twin."""

import re

import pytest

from conformance.catalogue import Check, checks, observations
from conformance.claims.catalogue import claim_ids, claims
from conformance.model.declared import Declared
from conformance.model.preflight import Preflight
from conformance.target import ACCESS
from tests.architecture.repository import ROOT
from tests.twins.registry import entries

_EVERY = pytest.mark.parametrize("check", checks(), ids=lambda check: check.id)
# A family, a dot, and at least three words: a sentence, and not a topic.
_SENTENCE = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]+(?:-[a-z0-9]+){2,}")

_TLS = "tests/transport"
# What no gateway in Python can be made to do, and the test that does it without one. An entry goes once a twin proves its check.
_ELSEWHERE = {
    # OpenSSL 3 has no SSLv3 left, so a server of bare sockets answers it.
    "transport.ssl3-is-refused": f"{_TLS}/test_versions_on_deployments.py::test_a_deployment_gets_the_verdicts_it_deserves",
    # OpenSSL 3 has no SSLv2 left either.
    "transport.ssl2-is-refused": f"{_TLS}/corpus/test_corpus.py::"
    "test_every_server_of_python_and_bare_sockets_gets_the_verdicts_it_deserves",
    # Two engines that look at the same gateway agree; that they do not must be made up.
    "transport.engines-do-not-contradict": f"{_TLS}/test_second_opinion.py::test_only_a_finished_handshake_contradicts",
    # A twin is one deployment; here two are stood up that know each other's keys.
    "keys.environments-are-separate": "tests/probes/test_key_environments.py::"
    "test_a_key_from_elsewhere_is_noticed_where_it_opens",
    # What ends and starts a gateway again is the operator's, and no twin's target file has an operator.
    "spend.restarts-forget-nothing": "tests/probes/test_spending_hosts.py::"
    "test_a_count_that_is_lost_with_its_process_is_noticed",
    "keys.restarts-resurrect-no-key": "tests/probes/test_resurrection.py::"
    "test_a_key_that_rises_with_its_gateway_is_noticed",
    # Random sequences take minutes, so no trial plays them.
    "spend.random-sequences-stay-within": "tests/probes/test_spending_sequences.py::"
    "test_a_random_sequence_that_overspends_is_found_shortened_and_left_as_a_script",
}


@_EVERY
def test_a_check_says_what_holds_why_it_matters_and_how_to_mend_it(check: Check) -> None:
    assert check.title
    assert len(check.why) > 20
    assert len(check.fix) > 20


@_EVERY
def test_the_id_of_a_check_is_the_sentence_that_its_function_is_called(check: Check) -> None:
    assert _SENTENCE.fullmatch(check.id)
    assert check.judge.__name__ == check.id.partition(".")[2].replace("-", "_")


@_EVERY
def test_a_check_decides_a_known_claim(check: Check) -> None:
    assert check.claim in claim_ids()


@_EVERY
def test_some_observation_yields_what_a_check_needs(check: Check) -> None:
    yielded = {observation.yields for observation in observations()} | {Declared}

    assert check.needs
    assert set(check.needs.values()) <= yielded


@_EVERY
def test_a_check_needs_more_than_what_is_declared(check: Check) -> None:
    assert set(check.needs.values()) != {Declared}


@_EVERY
def test_a_twin_proves_a_check_or_a_deployment_in_its_place(check: Check) -> None:
    caught = [twin.id() for twin in entries() if check.id in twin.fails]

    assert bool(caught) != (check.id in _ELSEWHERE)


@pytest.mark.parametrize("place", _ELSEWHERE.values())
def test_what_stands_in_place_of_a_twin_is_there(place: str) -> None:
    path, _, name = place.partition("::")

    assert f"def {name}(" in (ROOT / path).read_text()


def test_every_twin_is_meant_for_checks_that_exist() -> None:
    known = {check.id for check in checks()}
    unknown = {twin.id(): twin.fails - known for twin in entries() if twin.fails - known}

    assert not unknown


def test_every_observation_serves_a_check() -> None:
    needed = {kind for check in checks() for kind in check.needs.values()}
    forerunners = {kind for observation in observations() for kind in observation.after}
    idle = {o.name for o in observations() if o.yields not in needed | forerunners | {Preflight}}

    assert not idle


def test_no_two_observations_yield_the_same_evidence() -> None:
    yielded = [observation.yields for observation in observations()]

    assert len(yielded) == len(set(yielded))


def test_every_access_is_explained_on_the_reference_page() -> None:
    assert {name for observation in observations() for name in observation.access} <= set(ACCESS)


def test_claims_have_one_id_each() -> None:
    ids = [claim.id for claim in claims()]

    assert len(ids) == len(set(ids))
