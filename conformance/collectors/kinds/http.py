"""HTTP surfaces: admin, trace and log endpoints, read with a credential of their own; and Prometheus endpoints."""

import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import CHUNK, Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface
from conformance.target_file import OperatorError, secret

_SECONDS = 15.0  # for connecting, and between two pieces of an answer
_MOST_PAGES = 10_000
_PAGE = "{page}"
# With exemplars, which the plain text format has no place for.
_METRICS = "application/openmetrics-text; version=1.0.0, text/plain; version=0.0.4; q=0.5"
TROUBLE = (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError, ssl.SSLError, OSError)


def _accounts(surface: Surface, _base: Path) -> Accounted:
    parts = urlsplit(surface.locator)
    return Accounted(peers=((parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)),))


@dataclass(frozen=True, slots=True)
class Opening:
    """How an endpoint is asked: what verifies it, and the headers that show our credential."""

    verify: ssl.SSLContext
    headers: dict[str, str]


def _measure(surface: Surface, base: Path) -> SurfaceSize:
    """One item where it answers: how much it will say is known when it was read."""
    try:
        how = opening(surface, base, "*/*")
        with (
            httpx.Client(verify=how.verify, trust_env=False, timeout=_SECONDS) as client,
            client.stream("GET", surface.locator.replace(_PAGE, "1"), headers=how.headers) as answer,
        ):
            return SurfaceSize(bytes=0, items=int(answer.is_success))
    except (OperatorError, *TROUBLE):
        return SurfaceSize(bytes=0, items=0)


@surface_kind("http", accounts=_accounts, measure=_measure)
def read_http(surface: Surface, base: Path, _skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """The answer of an endpoint, or of each of its pages."""
    yield from _answers(surface, base, accept="*/*")


@surface_kind("prometheus", accounts=_accounts, measure=_measure)
def read_prometheus(surface: Surface, base: Path, _skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """One scrape, exemplars included."""
    yield from _answers(surface, base, accept=_METRICS)


def opening(surface: Surface, base: Path, accept: str) -> Opening:
    """How a surface's endpoint is asked. Raises OperatorError."""
    authority = str(base / surface.ca_file) if surface.ca_file else None
    try:
        verify = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(f"its `ca_file` cannot be used: {type(error).__name__}") from None
    # What is compressed on the way need not be: identity spares the decoding.
    headers = {"accept": accept, "accept-encoding": "identity", "user-agent": "gateproof"}
    if surface.credential is not None:
        value = surface.auth.value.replace("{key}", secret(surface.credential, base))
        headers[surface.auth.header] = value
    return Opening(verify, headers)


def _answers(surface: Surface, base: Path, accept: str) -> Iterator[Item | Missed]:
    try:
        how = opening(surface, base, accept)
    except OperatorError as error:
        yield Missed(name=surface.locator, reason=str(error))
        return
    last = ""
    for number in range(1, _MOST_PAGES + 1):
        page = _Page(surface.locator.replace(_PAGE, str(number)), how, first=number == 1)
        yield Item(name=page.url, open=page.chunks)
        if _PAGE not in surface.locator or page.digest in {"", last}:
            return
        last = page.digest
    yield Missed(name=surface.locator, reason=f"pages beyond {_MOST_PAGES:,} were not asked for")


class _Page:
    """One answer. Its digest is empty until it was read whole, and stays so where there is no such page."""

    def __init__(self, url: str, how: Opening, *, first: bool) -> None:
        self.url = url
        self.digest = ""
        self._how, self._first = how, first

    def chunks(self) -> Iterator[bytes]:
        """The body as it came. Raises UnreadableError."""
        digest = hashlib.sha256()
        try:
            with (
                httpx.Client(verify=self._how.verify, trust_env=False, timeout=_SECONDS) as client,
                client.stream("GET", self.url, headers=self._how.headers) as answer,
            ):
                if not answer.is_success:
                    if self._first:
                        raise UnreadableError(f"it answered {answer.status_code}")
                    return
                for chunk in answer.iter_raw(CHUNK):
                    digest.update(chunk)
                    yield chunk
        except TROUBLE as error:
            raise UnreadableError(f"it could not be read to its end: {type(error).__name__}") from None
        self.digest = digest.hexdigest()
