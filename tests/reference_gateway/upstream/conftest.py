"""One authority for all providers of a test run."""

import ssl

import pytest

from tests.reference_gateway.upstream.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def good(authority: Authority) -> ssl.SSLContext:
    """A provider's context that nothing is wrong with."""
    return authority.issue()
