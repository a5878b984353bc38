"""Whether a metrics endpoint counted this run: the control of a surface that holds numbers and no identifiers.

An answer read over HTTP is seen whole. What a control must still show is that this gateway's requests are counted there: some
counter rose, while the campaign ran, by at least as many as were sent.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from conformance.collectors.reading import read_surface
from conformance.collectors.streams import Item, UnreadableError
from conformance.collectors.watching import watch, watched
from conformance.model.storage import SurfaceControl, SurfaceScan
from conformance.session import Session
from conformance.target import Surface

_LEAST_REQUESTS = 5  # fewer could be anybody's
_MOST_BYTES = 1 << 24  # of one scrape
# A sample of the text formats of Prometheus and OpenMetrics: name, labels, value.
_SAMPLE = re.compile(
    rb'^([A-Za-z_:][\w:]*)(?:\{(?:[^"{}]|"(?:\\.|[^"\\])*")*\})?[ \t]+([0-9.eE+]+)', re.MULTILINE
)


class Scraped:
    """The counters as they stood before the campaign, by surface, and how many requests had been sent by then."""

    def __init__(self, before: Mapping[str, Mapping[bytes, float]], requests: int) -> None:
        """As they were read."""
        self.before = before
        self.requests = requests


@watch(SurfaceScan)
@asynccontextmanager
async def scraped(session: Session) -> AsyncIterator[Scraped]:
    """Read every metrics endpoint once before content is sent."""
    before = {}
    for surface in session.target.surfaces:
        if surface.kind == "prometheus":
            before[surface.locator] = await asyncio.to_thread(counters, surface, session.base)
    yield Scraped(before, session.meter.requests)


async def counted(session: Session, surface: Surface, unanswered: int = 0) -> SurfaceControl | None:
    """The control of a metrics endpoint, where it shows that this run was counted, but for what was sent in vain."""
    earlier = watched(session, Scraped)
    if earlier is None or surface.locator not in earlier.before:
        return None
    sent = session.meter.requests - earlier.requests - unanswered
    now = await asyncio.to_thread(counters, surface, session.base)
    before = earlier.before[surface.locator]
    rose = max((value - before.get(name, 0.0) for name, value in now.items()), default=0.0)
    if sent < _LEAST_REQUESTS or rose < sent:
        return None
    detail = f"a counter rose by {rose:,.0f} while {sent:,} requests were sent"
    return SurfaceControl(kind="counted this run", decisive=True, detail=detail)


def counters(surface: Surface, base: Path) -> Mapping[bytes, float]:
    """The sum of every metric over its labels; of an endpoint that cannot be read, nothing."""
    text = bytearray()
    try:
        for item in read_surface(surface, base):
            for chunk in item.open() if isinstance(item, Item) else ():
                text += chunk[: _MOST_BYTES - len(text)]
    except UnreadableError:
        return {}
    return sums(bytes(text))


def sums(text: bytes) -> Mapping[bytes, float]:
    """The sum of every metric in a scrape, over its labels."""
    found: dict[bytes, float] = defaultdict(float)
    for name, value in _SAMPLE.findall(text):
        with suppress(ValueError):
            found[name] += float(value)
    return found
