"""One authority for all deployments of a test run."""

import pytest

from tests.transport.deployments import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for localhost, 127.0.0.1 and ::1."""
    return Certificates(tmp_path_factory.mktemp("authority"))
