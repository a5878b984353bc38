"""`gateproof page`: compare the security page as it is published with what this suite covers."""

import argparse
from pathlib import Path

import httpx

from conformance.claims.drift import drift
from conformance.model.page import PageDrift
from conformance.target_file import OperatorError

_MOST = 2 << 20  # bytes of a page
_SECONDS = 20.0


def run(options: argparse.Namespace) -> int:
    """Compare: 0 when every sentence is covered and none has gone, 1 when not."""
    found = page_drift(options.page)
    for sentence in found.uncovered:
        print(f"covered by no claim: {sentence!r}")
    for gone in found.vanished:
        print(
            f"not on the page any more: a sentence that made {', '.join(gone.claims)} ({gone.sha256[:16]}…)"
        )
    print(
        f"{found.sentences} sentences on {found.source}: {len(found.uncovered)} covered by no claim, "
        f"{len(found.vanished)} that were covered are gone"
    )
    return 1 if found.uncovered or found.vanished else 0


def page_drift(page: str) -> PageDrift:
    """The drift of a page, by its URL or file. Raises OperatorError where it cannot be had, or says nothing."""
    found = drift(page, _fetched(page) if page.startswith(("http://", "https://")) else _read(Path(page)))
    if not found.sentences:
        raise OperatorError(
            f"{page} holds no text: a page that is written by scripts must be saved as text first"
        )
    return found


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:_MOST].decode("utf-8", errors="replace")
    except OSError as trouble:
        raise OperatorError(f"the page {path} cannot be read: {trouble.strerror}") from None


def _fetched(url: str) -> str:
    try:
        with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=True, trust_env=False) as answer:
            if answer.status_code != 200:
                raise OperatorError(f"the page {url} answered {answer.status_code}, not 200")
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _MOST:
                    raise OperatorError(f"the page {url} is larger than {_MOST:,} bytes")
            return body.decode(answer.encoding or "utf-8", errors="replace")
    except (httpx.HTTPError, httpx.InvalidURL, LookupError) as trouble:
        raise OperatorError(f"the page {url} cannot be read: {type(trouble).__name__}") from None
