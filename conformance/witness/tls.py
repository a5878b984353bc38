"""The witness's side of TLS."""

import ssl
from pathlib import Path


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """A context for TLS 1.2 and later that presents this PEM chain, and offers HTTP/1.1 only.

    Raises OSError where a file cannot be read, and ssl.SSLError (an OSError too) where they are no pair.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, private_key)
    return context
