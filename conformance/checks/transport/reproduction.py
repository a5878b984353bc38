"""Lines that a stranger can paste to see the same."""

from conformance.model.transport import Attempt, Place, PlaceTrial, TlsVersions, Version

_S_CLIENT = {
    Version.TLS10: "-tls1",
    Version.TLS11: "-tls1_1",
    Version.TLS12: "-tls1_2",
    Version.TLS13: "-tls1_3",
}


def declared_clear(place: Place, versions: TlsVersions) -> bool:
    """Whether a base URL declares this host and port without TLS."""
    return any(
        url.removeprefix("http://").split("/")[0] in _authorities(place) for url in versions.clear_text_urls
    )


def _authorities(place: Place) -> set[str]:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return {f"{host}:{place.port}"} | ({host} if place.port == 80 else set())


def s_client(place: Place, version: Version | None, more: str = "") -> str:
    """An `openssl s_client` line for a place and, where one is given, exactly this version."""
    at = f"[{place.address}]" if ":" in place.address else place.address
    name = f"-servername {place.sni}" if place.sni else "-noservername"
    parts = ["openssl s_client", f"-connect {at}:{place.port}", name]
    parts += [_S_CLIENT[version]] if version in _S_CLIENT else []
    if version in {Version.TLS10, Version.TLS11, Version.TLS12}:
        parts.append("-cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    if place.alpn:
        parts.append(f"-alpn {','.join(place.alpn)}")
    return " ".join([*parts, *([more] if more else []), "</dev/null"])


def replay(trial: PlaceTrial, attempt: Attempt, version: Version) -> str:
    """A line that shows the same: openssl where it speaks the version, else the hello's own bytes."""
    if version in _S_CLIENT:
        return s_client(trial.place, version)
    hello = trial.hellos.get(attempt.offered.value, "")
    return f"echo {hello} | xxd -r -p | nc -w 5 {trial.place.address} {trial.place.port} | xxd | head"
