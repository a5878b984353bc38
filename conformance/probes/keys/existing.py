"""What the listing says of the keys that are there already: by limit and age, never by name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.grammar import Pages
from conformance.dialects.template import entries, follow
from conformance.model.evidence import CannotObserve
from conformance.model.keys import ExistingKeys
from conformance.model.scale import Disruption, Fault, Level
from conformance.session import Session

_OURS = "gateproof-"
_YEAR = 365  # days


@observes(
    phase=Phase.OUTSIDE,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=50),
)
async def existing_keys(session: Session) -> ExistingKeys:
    """Count the keys that are there already, by limit and age."""
    api = session.keys()
    pages = api.dialect.listing
    if pages is None:
        raise CannotObserve(
            f"the dialect '{api.dialect.name}' describes no listing",
            fault=Fault.OPERATOR,
            decide="describe `listing` in the dialect",
        )
    listed = [item for answer in await api.pages() for item in entries(answer.json(), pages.items) or ()]
    others = [item for item in listed if not str(_told(item, pages.name)).startswith(_OURS)]
    ages = list(_ages(others, pages, session.now()))
    return ExistingKeys(
        total=len(others),
        unlimited=sum(_told(item, pages.limit) is None for item in others) if pages.limit else None,
        oldest_days=max(ages, default=None),
        aged=sum(age > _YEAR for age in ages),
    )


def _told(item: Any, pointer: str) -> Any:
    return follow(item, pointer) if pointer else None


def _ages(items: list[Any], pages: Pages, now: float) -> Iterator[int]:
    """Days since each was created, as far as that is told."""
    for item in items:
        try:
            created = datetime.fromisoformat(str(_told(item, pages.created)))
        except ValueError:
            continue
        if created.tzinfo is None:
            created = created.replace(tzinfo=UTC)
        yield max(0, int((now - created.timestamp()) // 86400))
