"""What one request can leave behind: as much as is stated, but for ids and times."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.events import Event
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.wire import (
    FOOTPRINT_BITS,
    WINDOW,
    Finished,
    Held,
    Notice,
    Outcome,
    Reserve,
    Settle,
    Standing,
    footprint,
    request_id,
)
from tests.reference_gateway.ledger_parts import authorise
from tests.reference_gateway.ledger_traces import CLOSED, NAMES, WORDS, Office
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.wire_messages import FINISHES, NUMBERS, RESERVES, usages


@dataclass(frozen=True)
class Asked:
    """What a worker can choose of a request."""

    key: int
    reserve: Reserve
    settle: Settle
    finished: Finished
    ahead: int


@dataclass(frozen=True)
class Circumstances:
    """What else may differ between two requests: nothing that is kept, or nothing that is the worker's choice."""

    rotations: int
    numbers_before: int
    admits_a_limit: bool  # which a worker can say of a key that has none
    together: bool  # whether its end and its line of the diary come in one batch
    later: int  # milliseconds
    seq: int


ASKED = st.builds(
    Asked,
    key=st.integers(0, 2),
    reserve=st.builds(replace, RESERVES, model=st.integers(0, 1)),
    settle=st.builds(
        lambda outcome, usage: Settle(rid=1, outcome=outcome, **usage), st.sampled_from(Outcome), usages()
    ),
    finished=FINISHES,
    ahead=st.integers(0, 20) | st.integers(0, WINDOW - 1),
)
CIRCUMSTANCES = st.builds(
    Circumstances,
    rotations=st.integers(0, 2),
    numbers_before=st.integers(0, 5),
    admits_a_limit=st.booleans(),
    together=st.booleans(),
    later=st.integers(0, 10**7),
    seq=NUMBERS,
)


def served(asked: Asked, about: Circumstances) -> tuple[int, dict[str, Any]]:
    """The footprint of a request, and what it leaves but for ids and times."""
    office, epoch = Office(about.rotations), b"e" * 16
    desk, worker = office.desk, Connection(epoch)
    for number in range(about.numbers_before):
        worker.finish(replace(asked.finished, number=number))
    desk.now += about.later

    (standing,) = desk.ask(worker, authorise(office.keys[asked.key]))
    assert isinstance(standing, Standing)
    wish = replace(
        asked.reserve,
        key_id=standing.key_id,
        generation=standing.generation,
        limited=standing.limited or about.admits_a_limit,
    )
    ((_, _, held),) = desk.book.answer([(worker, about.seq, wish)])
    assert isinstance(held, Held)
    settle = replace(asked.settle, rid=held.rid)
    finished = replace(asked.finished, number=about.numbers_before + asked.ahead)
    batches: list[list[Notice]] = [[settle, finished]] if about.together else [[settle], [finished]]
    for batch in batches:
        desk.ask(worker, *batch)

    left = trace(office, request_id(epoch, finished.number))
    office.storage.close()
    return footprint(asked.key, wish, settle, finished, asked.ahead), left


def trace(office: Office, request: int) -> dict[str, Any]:
    """What is in a ledger, its keys by their place, without times and without ids that it made itself."""
    rows, place = office.rows(), {issued.record.key_id: at for at, issued in enumerate(office.keys)}
    assert rows["reservation"] == []
    counts = {place[row["key_id"]]: (row["spent"], row["reserved"], row["total"]) for row in rows["api_key"]}
    own = {"rid", "key_id", "began_at", "ended_at"}
    (used,) = rows["usage_record"]
    (account,) = rows["account"]
    assert {event.request for event in office.desk.events} <= {None, request}
    return {
        "keys": counts,
        "account": (account["spent"], account["reserved"], account["total"]),
        "usage": {name: value for name, value in used.items() if name not in own},
        "charged key": place[used["key_id"]],
        "excess": rows["operator_account"],
        # Which of them came first is a matter of time.
        "events": sorted((_without_id(event) for event in office.desk.events), key=str),
    }


def _without_id(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__ if name != "request"}


@UNHURRIED
@given(asked=ASKED, one=CIRCUMSTANCES, other=CIRCUMSTANCES)
def test_requests_with_the_same_footprint_leave_the_same_behind(
    asked: Asked, one: Circumstances, other: Circumstances
) -> None:
    (first, left), (second, also_left) = served(asked, one), served(asked, other)

    assert first == second < 2**FOOTPRINT_BITS
    assert left == also_left


def test_every_column_is_an_administrators_or_has_a_closed_range() -> None:
    office = Office()
    columns = office.storage._db.execute(
        "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name IN ('reservation', 'usage_record', 'operator_account')"
    ).fetchall()
    office.storage.close()

    written = {(table, name) for table, name, _ in columns} - {("operator_account", "id")}
    assert written <= CLOSED.keys() | NAMES.keys()
    assert {kind for _, _, kind in columns} == {"INTEGER"}
    assert WORDS.isdisjoint(CLOSED.keys() | NAMES.keys())
