"""What the listing says of the keys that are there already: by limit, age, last use and environment, never by name."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.template import entries, follow
from conformance.model.evidence import CannotObserve
from conformance.model.keys import ExistingKeys
from conformance.model.scale import Disruption, Fault, Level
from conformance.session import Session

_OURS = "gateproof-"
_YEAR, _QUARTER = 365, 90  # days
_ENVIRONMENTS = ("live", "prod", "test", "dev", "stag", "sandbox")


@observes(
    phase=Phase.OUTSIDE,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=50),
)
async def existing_keys(session: Session) -> ExistingKeys:
    """Count the keys that are there already, by limit, age, last use and environment."""
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
    ages = list(_days(others, pages.created, session.now()))
    uses = list(_days(others, pages.used, session.now()))
    return ExistingKeys(
        total=len(others),
        unlimited=sum(_told(item, pages.limit) is None for item in others) if pages.limit else None,
        oldest_days=max(ages, default=None),
        aged=sum(age > _YEAR for age in ages),
        idle=sum(days > _QUARTER for days in uses) if uses else None,
        never=sum(_told(item, pages.used) is None for item in others) if uses else None,
        environments=dict(Counter(_environments(others, pages.label))),
    )


def _told(item: Any, pointer: str) -> Any:
    return follow(item, pointer) if pointer else None


def _days(items: list[Any], pointer: str, now: float) -> Iterator[int]:
    """Days since a moment that each entry tells, as far as it does."""
    for item in items:
        moment = _moment(_told(item, pointer))
        if moment is not None:
            yield max(0, int((now - moment) // 86400))


def _moment(told: Any) -> float | None:
    """A moment in Unix seconds; None where it is none."""
    try:
        if isinstance(told, int | Decimal) and not isinstance(told, bool):
            return datetime.fromtimestamp(float(told), UTC).timestamp()
        moment = datetime.fromisoformat(str(told))
    except (ValueError, OverflowError, OSError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _environments(items: list[Any], pointer: str) -> Iterator[str]:
    for item in items:
        label = str(_told(item, pointer) or "").lower()
        yield from (word for word in _ENVIRONMENTS if word in label)
