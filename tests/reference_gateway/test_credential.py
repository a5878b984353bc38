import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import credential
from reference_gateway.ledger.keys import Hashing, Verifier, matches
from tests.reference_gateway.unhurried import UNHURRIED


@UNHURRIED
@given(key_id=st.integers(1, credential.MAX_KEY_ID))
def test_a_minted_key_is_well_formed_and_names_its_id(key_id: int) -> None:
    key = credential.mint(key_id)

    presented = credential.parse(key)

    assert presented is not None
    assert (presented.key_id, presented.text, len(key)) == (key_id, key.encode(), credential.KEY_LENGTH)


@UNHURRIED
@given(position=st.integers(0, credential.KEY_LENGTH - 1), character=st.sampled_from(string.printable))
def test_one_wrong_character_is_rejected_without_a_database(position: int, character: str) -> None:
    key = credential.mint(123456789)
    altered = key[:position] + character + key[position + 1 :]

    assert (credential.parse(altered) is None) == (altered != key)


@pytest.mark.parametrize("text", ["", "rgw_", "sk-or-v1-" + "a" * 64, "rgw_" + "é" * 61, "rgw_" + "z" * 61])
def test_other_texts_are_no_keys(text: str) -> None:
    assert credential.parse(text) is None


def test_a_presented_key_does_not_show_itself() -> None:
    assert "rgw" not in repr(credential.parse(credential.mint(5)))


def test_two_keys_of_one_id_share_no_secret() -> None:
    assert credential.mint(7)[16:] != credential.mint(7)[16:]


def test_the_stored_digest_is_sha256_of_salt_and_key() -> None:
    hashing, key = Hashing(), credential.mint(9).encode()
    salt = hashing.salt()
    digest = hashing.digest(salt, key)
    verifier = Verifier(9, salt, digest, 1, limited=False, usable=True, expires_at=None)

    assert digest == hashlib.sha256(salt + key).digest()
    assert matches(hashing, verifier, key)
    assert not matches(hashing, verifier, credential.mint(9).encode())
