"""Which controls of public frameworks a claim bears on. Ids only: the frameworks' texts are their publishers'."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Relation = Literal["supports", "partial", "analogue"]
Verified = Literal["primary", "secondary", "no"]


class Framework(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public framework: the edition whose ids are used, where they were read, and how far that was verified."""

    id: str
    name: str
    edition: str
    source: str
    verified: Annotated[
        Verified,
        Meta(description="whether the ids were read in the publisher's own text or in a transcription"),
    ]


class ControlGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Controls of one framework, and how evidence about a claim relates to them: it never shows that one is met as a whole."""

    framework: str
    relation: Annotated[
        Relation,
        Meta(
            description="supports: about the same thing; partial: about a part of it; analogue: alike, outside its scope"
        ),
    ]
    ids: tuple[str, ...]
