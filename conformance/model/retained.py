"""The retention map of `results.json`: which fields went along which paths, and what of them was seen on which surface.

`paths`, `fields` and `surfaces` are the axes; everything else refers to them by index, counted from 0. A cell is one field on one
path, `[path, field, sent, proven, [seen on surface 0, on surface 1, …]]`, all in different canaries: how many were sent, how many
are proven to have taken the path (a field that the gateway strips is sent and not proven), how many were found. Cells in which
nothing was sent and nothing seen are left out. A bound is the power of the search for one path on one surface,
`[path, surface, seen, at most]`: how many canaries of content were seen, and from which share of the requests on that path on
keeping them there would have been seen with 95 % confidence. It holds for the keys, connections and seconds that the path names.
It is null where content was seen, where no request is proven to have taken the path, and where the surface is not `decided`.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class MapPath(msgspec.Struct, frozen=True, kw_only=True):
    """One path through the gateway. A path that only answers or earlier requests took has nothing sent."""

    name: str
    endpoint: str = ""
    kind: Annotated[
        str, Meta(description="forwarded, rejected or aborted; empty: no requests of the campaign's")
    ] = ""
    sent: int = 0
    counted: Annotated[int, Meta(description="requests proven to have taken the path")] = 0
    keys: int = 0
    connections: int = 0
    seconds: float = 0.0
    note: Annotated[str, Meta(description="why fewer were sent than the sample, or none")] = ""


class MapSurface(msgspec.Struct, frozen=True, kw_only=True):
    """One declared surface, and how far the absence of content from it can be trusted."""

    locator: str
    kind: str
    role: str
    decided: Annotated[
        bool, Meta(description="all of it was read, and a control shows that the scan sees it")
    ]
    doubt: Annotated[str, Meta(description="why it is not decided")]
    sensitivity: Annotated[float, Meta(description="measured share of what is there that the scan sees")]
    planted: Annotated[int, Meta(description="control canaries written there by the operator's command")]
    planted_found: int
    markers: Annotated[
        int, Meta(description="sightings of the run's marker alone, its payload cut off or altered")
    ]


class MapCell(msgspec.Struct, frozen=True, array_like=True):
    """One field on one path."""

    path: int
    field: int
    sent: int
    proven: int
    seen: tuple[int, ...]


class MapBound(msgspec.Struct, frozen=True, array_like=True):
    """What could still be kept of one path on one surface."""

    path: int
    surface: int
    seen: int
    at_most: float | None


class RetentionMap(msgspec.Struct, frozen=True, kw_only=True):
    """Fields by paths by surfaces, and the power of the search."""

    scanned: Annotated[str, Meta(description="when the surfaces were searched, RFC 3339")]
    confidence: float
    paths: tuple[MapPath, ...]
    fields: tuple[str, ...]
    surrounding: Annotated[
        tuple[int, ...],
        Meta(description="fields that surround content, such as headers: no promise covers them"),
    ]
    surfaces: tuple[MapSurface, ...]
    cells: tuple[MapCell, ...]
    bounds: tuple[MapBound, ...]
