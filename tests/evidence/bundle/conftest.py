"""One run and one bundle of it, copied for whoever wants to change them."""

import shutil
from pathlib import Path

import pytest

from conformance.evidence.bundle.signing import KeySigner
from tests.evidence.bundle.sealing import finished, new_key


@pytest.fixture(scope="session")
def signer() -> KeySigner:
    """Who signs the bundles of these tests."""
    return new_key()


@pytest.fixture(scope="session")
def sealed_once(tmp_path_factory: pytest.TempPathFactory, signer: KeySigner) -> Path:
    """A bundle that nobody may change."""
    folder = tmp_path_factory.mktemp("sealed")
    return finished(folder / "runs").sealed(folder, signer)


@pytest.fixture
def bundle(sealed_once: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, to be changed."""
    return Path(shutil.copytree(sealed_once, tmp_path / "bundle"))


@pytest.fixture
def public(signer: KeySigner, tmp_path: Path) -> Path:
    """The signer's public key, from elsewhere than the bundle."""
    path = tmp_path / "signer.pem"
    path.write_bytes(signer.public)
    return path
