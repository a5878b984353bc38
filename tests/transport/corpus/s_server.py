"""Deployments of OpenSSL's own test server: one process each, asked about TLS and clear text.

It takes one connection after the other, and never answers most requests."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.transport.corpus.pki import Pki
from tests.transport.corpus.processes import free_ports, serving
from tests.transport.corpus.truth import Deployment


class Row(NamedTuple):
    """Options, and the truth."""

    name: str
    options: str
    truth: str = ""


ROWS = (
    Row("TLS 1.3", "-tls1_3"),
    Row("TLS 1.2 too", "-no_tls1_1 -no_tls1", "1.2=F"),
    Row("TLS 1.2 only", "-tls1_2", "1.2=F 1.3=F ssl2=I ssl3=I 1.0=I 1.1=I"),
    Row("anonymous TLS 1.2 too", "-no_tls1_1 -no_tls1 -cipher aNULL:@SECLEVEL=0", "1.2=F"),
    Row("one suite, one group, no tickets", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups P-521 -num_tickets 0"),
    Row("early data", "-tls1_3 -max_early_data 16384"),
)  # fmt: skip


@contextmanager
def s_server(folder: Path, pki: Pki) -> Iterator[tuple[Deployment, ...]]:
    """Every row, served by a process of its own."""
    pair = pki.leaf("s_server")
    ports = free_ports(2 * len(ROWS))
    with ExitStack() as stack:
        for row, port in zip(ROWS, ports[::2], strict=True):
            command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet"]
            command += ["-cert", str(pair.chain), "-key", str(pair.key), *row.options.split()]
            stack.enter_context(serving(command, folder / f"{port}.out", [port]))
        yield tuple(
            Deployment(name=row.name, port=port, clear=(clear,), truth=row.truth, claims=("T1", "T2"))
            for row, port, clear in zip(ROWS, ports[::2], ports[1::2], strict=True)
        )
