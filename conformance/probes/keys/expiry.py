"""Keys that are made to end at a date: one that comes soon, and one that was before."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.key_ends import Expiry
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.door import Answer
from conformance.probes.key_life import absence
from conformance.probes.keys.watch import MARGIN, PAUSE, Watch, serving
from conformance.session import Session
from conformance.target import Target

_AHEAD = 1  # whole seconds until the date, at least
_LATEST = 10.0  # seconds; no key is watched whose end is later
_AGO = 3600  # seconds
_SANE = 86400.0  # seconds by which a clock may be wrong
WHOLE_SECOND = 1.0  # to which clocks and dates are kept


def _cost(target: Target, sample: int) -> Cost:
    seconds = _LATEST + WHOLE_SECOND + target.claims.revocation_latency + MARGIN
    return Cost(requests=int(2 * seconds / PAUSE) + 10, seconds=_AHEAD + 2 * WHOLE_SECOND)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def expiry(session: Session) -> Expiry:
    """Make keys that end at a date and see whether they do."""
    api = session.keys()
    if api.dialect.create_expiring is None:
        return Expiry(absent=absence(api, "create_expiring"))
    asked = session.now()
    sibling = await api.create("expire-sibling", PICO_PER_USD)
    clock = Clock.of([(sibling.creation, asked, session.now())])
    _, places = await serving(session, sibling)
    date = math.ceil(session.now() + clock.most) + _AHEAD
    key = await api.create("expire", ends=variables(date, session.now() + clock.most))
    ends = end_of(key, date)
    if ends is None:
        raise CannotObserve(
            "the gateway made a key that was to end, and does not say that it does",
            fault=Fault.OPERATOR,
            decide="check `create_expiring` in the dialect; it captures as `expires` what the gateway says of the end",
        )
    left = ends - clock.least - session.now()  # until the last moment by our clock that this can mean
    if left > _LATEST:
        raise CannotObserve(
            f"a key that was to end in seconds ends in {left:.0f} s, by what its creation says",
            fault=Fault.TARGET,
            decide="see whether the gateway rounds such dates, or takes them for those of another time zone",
        )
    deadline = WHOLE_SECOND + session.target.claims.revocation_latency
    watch = Watch(session, key, sibling, deadline, places, began=asyncio.get_running_loop().time() + left)
    await watch.run()
    clock, watch = _exactly(session, watch, ends) or (clock, watch)
    past, told = await _past(session, math.floor(session.now() + clock.least) - _AGO)
    return Expiry(
        offset_ms=None if clock.unknown else round(500 * (clock.least + clock.most)),
        soon=watch.death("expire", alive_before=watch.served_before()),
        past=past,
        past_told=told,
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """How far another clock is ahead of ours, in seconds: at least, and at most."""

    least: float
    most: float
    unknown: bool = False

    @classmethod
    def of(cls, answers: Iterable[tuple[Answer, float, float]]) -> "Clock":
        """By the Date of answers (RFC 9110, 6.6.1), each with when it was asked for and when it had come, by our clock.

        Where they have none, contradict each other or are of another day, within a second of ours.
        """
        dated = [
            (date, asked, came) for answer, asked, came in answers if (date := _date(answer)) is not None
        ]
        least = max((date - came for date, _, came in dated), default=-WHOLE_SECOND)
        most = min((date + WHOLE_SECOND - asked for date, asked, _ in dated), default=WHOLE_SECOND)
        if not dated or least > most or abs(least) > _SANE:
            return cls(-WHOLE_SECOND, WHOLE_SECOND, unknown=True)
        return cls(least, most)


def _date(answer: Answer) -> float | None:
    try:
        return parsedate_to_datetime(answer.header("date") or "").timestamp()
    except (ValueError, OverflowError):
        return None


def _exactly(session: Session, watch: Watch, ends: float) -> tuple[Clock, Watch] | None:
    """The gateway's clock by all answers of a watch, and the watch counted from the date by that clock; None without dates."""
    ours = session.now() - asyncio.get_running_loop().time()
    began = watch.began + ours
    clock = Clock.of(
        (reply, began + at, began + at + reply.ms / 1000)
        for at, reply in watch.polls
        if isinstance(reply, Answer)
    )
    return None if clock.unknown else (clock, watch.since(ends - clock.least - ours))


def variables(date: int, now: float) -> Mapping[str, str | int]:
    """A date in Unix seconds as dialects may write it; `now` is the gateway's."""
    text = datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"ends_at": text, "ends_unix": date, "ends_in": math.ceil(date - now)}


def end_of(key: Key, asked: int) -> float | None:
    """The end of a key in Unix seconds, as its creation says it; None where that says of none."""
    said = key.variables.get("expires")
    return (moment(said) or asked) if said else None


def moment(text: str) -> float | None:
    """A moment in Unix seconds, from ISO 8601 (UTC where no zone is told), or from seconds or milliseconds; None else."""
    try:
        number = float(text)
    except ValueError:
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(number):
        return None
    return number / 1000 if number > 1e11 else number


async def _past(session: Session, date: int) -> tuple[Literal["refused", "dead", "served", "unknown"], str]:
    """What comes of a key whose end was before its creation."""
    api = session.keys()
    try:
        key = await api.create("past", ends=variables(date, date + _AGO))
    except KeyApiTrouble as trouble:
        refused = trouble.status is not None and 400 <= trouble.status < 500 and trouble.status != 429
        return ("refused" if refused else "unknown"), str(trouble.status or "")
    reply = await calls.send(session, calls.usual(session, key.secret, "past"))
    told = calls.told(reply)
    if calls.admitted(reply):
        return "served", told
    return ("dead" if isinstance(reply, Answer) and reply.status < 500 else "unknown"), told
