"""The text of a key: what is minted can be read, and what was mistyped cannot."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import credential
from reference_gateway.ledger.wire import TAIL
from tests.reference_gateway.unhurried import UNHURRIED

ENVIRONMENTS = st.text(string.ascii_lowercase, min_size=2, max_size=8)
KEY_IDS = st.integers(1, credential.MAX_KEY_ID)
LENGTH = len(credential.mint("test", 1))


@UNHURRIED
@given(environment=ENVIRONMENTS, key_id=KEY_IDS)
def test_a_minted_key_is_well_formed_and_names_its_id(environment: str, key_id: int) -> None:
    key = credential.mint(environment, key_id)

    presented = credential.parse(environment, key)

    assert presented is not None
    assert (presented.key_id, len(presented.tail)) == (key_id, TAIL)
    assert credential.head(environment, key_id) + presented.tail.decode() == key


@UNHURRIED
@given(position=st.integers(0, LENGTH - 1), character=st.sampled_from(string.printable + "é\u0662"))
def test_one_wrong_character_is_rejected_without_a_database(position: int, character: str) -> None:
    key = credential.mint("test", 123456789)
    altered = key[:position] + character + key[position + 1 :]

    assert (credential.parse("test", altered) is None) == (altered != key)


@UNHURRIED
@given(environments=st.lists(ENVIRONMENTS, min_size=2, max_size=2, unique=True), key_id=KEY_IDS)
def test_a_key_of_one_deployment_is_none_of_another(environments: list[str], key_id: int) -> None:
    here, there = environments

    assert credential.parse(there, credential.mint(here, key_id)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rgw_",
        "rgw_test_",
        "sk-or-v1-" + "a" * 64,
        "rgw_test_" + "é" * 61,
        "rgw_test_" + "z" * 61,
        "rgw_test_" + "0" * 61,
        credential.mint("test", 1) + " ",
        credential.mint("test", 0),
    ],
    ids=range(9),  # a minted key is another one in each process that collects
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert credential.parse("test", text) is None


def test_a_presented_key_does_not_show_itself() -> None:
    assert "rgw" not in repr(credential.parse("test", credential.mint("test", 5)))


def test_two_keys_of_one_id_share_no_secret() -> None:
    heads = len(credential.head("test", 7))

    assert credential.mint("test", 7)[heads:] != credential.mint("test", 7)[heads:]


@UNHURRIED
@given(key_id=KEY_IDS)
def test_a_public_id_is_read_back_and_is_all_that_a_label_shows(key_id: int) -> None:
    public = credential.public_id(key_id)

    assert credential.parse_public_id(public) == key_id
    assert credential.label("test", key_id) == f"rgw_test_{public}"


@pytest.mark.parametrize("text", ["", "0" * 11, "z" * 11, "1" * 10, "1" * 12, "é" * 11, " " * 11])
def test_other_texts_are_no_public_ids(text: str) -> None:
    assert credential.parse_public_id(text) is None


def test_new_ids_are_positive_and_fit_into_the_database() -> None:
    ids = {credential.new_key_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(0 < key_id <= credential.MAX_KEY_ID for key_id in ids)
