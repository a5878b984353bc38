"""The truth table: what the audit finds out about deployments of every make is what is true of them."""

from pathlib import Path

import pytest

from tests.transport import deployments as d
from tests.transport.corpus.api import Api, everywhere
from tests.transport.corpus.bare import ROWS, SILENT, bare
from tests.transport.corpus.haproxy import haproxy
from tests.transport.corpus.nginx import nginx
from tests.transport.corpus.pki import Pki
from tests.transport.corpus.s_server import s_server
from tests.transport.corpus.truth import judged


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    """An authority that the target files name."""
    return Pki(tmp_path)


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second engine takes longer than all the rest; it is proven by tests of its own."""
    monkeypatch.setenv("GATEPROOF_SSLYZE", "none")


def _wrong(found: dict[str, str]) -> str:
    return "\n".join(f"{name}: {differences}" for name, differences in found.items() if differences)


def test_every_nginx_gets_the_verdicts_it_deserves(tmp_path: Path, pki: Pki) -> None:
    bare, decorated = Api(everywhere()), Api()
    with (
        d.listening(d.http(bare.respond)) as bare_port,
        d.listening(d.http(decorated.respond)) as decorated_port,
        nginx(tmp_path, pki, bare_port, decorated_port) as deployments,
    ):
        assert _wrong(judged(deployments, tmp_path, pki.root)) == ""


def test_every_haproxy_gets_the_verdicts_it_deserves(tmp_path: Path, pki: Pki) -> None:
    bare = Api(everywhere())
    with d.listening(d.http(bare.respond)) as port, haproxy(tmp_path, pki, port) as deployments:
        # One of them lets us wait, so that others get their turn beside it.
        assert _wrong(judged(deployments, tmp_path, pki.root, at_once=6)) == ""


@pytest.mark.parametrize("half", [0, 1])
def test_every_server_of_python_and_bare_sockets_gets_the_verdicts_it_deserves(
    half: int, tmp_path: Path, pki: Pki
) -> None:
    with bare(pki, ROWS[half::2]) as deployments:
        assert _wrong(judged(deployments, tmp_path, pki.root)) == ""


def test_those_that_let_one_wait_get_the_verdicts_that_they_deserve(tmp_path: Path, pki: Pki) -> None:
    with bare(pki, SILENT) as silent, s_server(tmp_path, pki) as serial:
        deployments = (*silent, *serial)

        assert _wrong(judged(deployments, tmp_path, pki.root, at_once=len(deployments))) == ""
