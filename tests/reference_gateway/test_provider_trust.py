"""Whom the gateway takes for its providers, and that it needs no file for that once it serves."""

import shutil
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from reference_gateway.parts import provider_tls
from tests.reference_gateway.asking import MODEL
from tests.reference_gateway.gateway import write_tls

PROVIDER = MODEL.provider


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    write_tls(tmp_path)
    return tmp_path / "ca.pem"


def trusted(context: ssl.SSLContext) -> int:
    """How many authorities it has in memory."""
    return context.cert_store_stats()["x509_ca"]


def test_a_provider_with_an_authority_of_its_own_has_no_other(authority: Path) -> None:
    assert trusted(provider_tls(replace(PROVIDER, ca_file=authority))) == 1


def test_public_authorities_are_in_memory_before_the_first_of_them_is_needed(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(authority, folder / "0123abcd.0")
    (folder / "0123abcd.1").write_text("broken")
    (folder / "README").write_text("no authority")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))

    assert trusted(provider_tls(PROVIDER)) == 1


def test_a_file_of_public_authorities_is_read_as_well(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    assert trusted(provider_tls(PROVIDER)) == 1


def test_who_the_provider_is_is_checked(authority: Path) -> None:
    context = provider_tls(replace(PROVIDER, ca_file=authority))

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_no_secrets_of_sessions_are_written_where_the_environment_asks_for_it(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "session-secrets"
    monkeypatch.setenv("SSLKEYLOGFILE", str(place))

    ours = provider_tls(replace(PROVIDER, ca_file=authority))
    usual = ssl.create_default_context()

    assert usual.keylog_filename == str(place)
    assert ours.keylog_filename is None  # type: ignore[comparison-overlap, unused-ignore]
