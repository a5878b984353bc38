"""A worker that lies: whatever it says, nothing stays but integers out of closed ranges."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    WINDOW,
    AskBalance,
    Authorise,
    Finished,
    Held,
    Reserve,
    Settle,
    notice_frame,
    question_frame,
    read_answer,
)
from tests.reference_gateway.ledger_parts import authorise
from tests.reference_gateway.ledger_socket import played
from tests.reference_gateway.ledger_traces import Office, Rows, administrators, outside, wordy
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.wire_messages import FINISHES, NOTICES, NUMBERS, QUESTIONS, RESERVES, SETTLES


class Liar:
    """One life of a worker: it has been shown every key, and knows every hold that it was given."""

    def __init__(self, office: Office, server: LedgerServer) -> None:
        self.end, theirs = socket.socketpair()
        self.keys = office.keys
        self.rids: list[int] = []
        self.number = -1  # of the last request that it said was over
        self._server = server
        server.add(theirs)
        self.end.setblocking(False)
        self.say(b"".join(question_frame(1, authorise(issued)) for issued in office.keys))

    def say(self, said: bytes) -> None:
        """Says something, and reads what comes of it; nothing does once it was hung up on."""
        with contextlib.suppress(ConnectionError):
            self.end.sendall(said)
        self._server.catch_up()
        with contextlib.suppress(ConnectionError, BlockingIOError):
            self._listen(self.end.recv(1 << 16))

    def die(self) -> None:
        """Without a word."""
        self.end.close()
        self._server.catch_up()
        self._server.catch_up()

    def _listen(self, heard: bytes) -> None:
        frames = (heard[at : at + ANSWER_BYTES] for at in range(0, len(heard), ANSWER_BYTES))
        self.rids += [answer.rid for _, answer in map(read_answer, frames) if isinstance(answer, Held)]


Lie = Callable[[Liar], bytes]


def about_a_key(key: int, question: Authorise | AskBalance | Reserve) -> Lie:
    """A question about a key that exists, with its secret where one is asked for."""

    def frame(liar: Liar) -> bytes:
        shown = authorise(liar.keys[key])
        about = replace(question, key_id=shown.key_id)
        return question_frame(1, about if isinstance(about, Reserve) else replace(about, tail=shown.tail))

    return frame


def about_a_hold(which: int, settle: Settle) -> Lie:
    """An end of one of its holds, perhaps for the second time."""

    def frame(liar: Liar) -> bytes:
        rids = liar.rids[which % len(liar.rids) :][:1] if liar.rids else []
        return b"".join(notice_frame(replace(settle, rid=rid)) for rid in rids)

    return frame


def about_a_request(ahead: int, finished: Finished) -> Lie:
    """An end of a request, perhaps of one that is far ahead of those before it."""

    def frame(liar: Liar) -> bytes:
        liar.number += 1 + ahead
        return notice_frame(replace(finished, number=liar.number))

    return frame


def bytes_of(said: bytes) -> Lie:
    """Whatever bytes."""
    return lambda _: said


KEYS = st.integers(0, 2)
WISHES = st.builds(
    about_a_key,
    KEYS,
    st.builds(
        replace,
        RESERVES,
        model=st.integers(0, 1),
        generation=st.just(1),
        limited=st.sampled_from((True, True, False)),
    ),
)
ENDS = st.builds(about_a_hold, st.integers(0, 20), SETTLES)
LINES = st.builds(about_a_request, st.sampled_from((0, 0, 0, 0, 0, 1, WINDOW - 9, WINDOW)), FINISHES)
WELL_FORMED = st.one_of(
    st.builds(about_a_key, KEYS, QUESTIONS),
    NOTICES.map(notice_frame).map(bytes_of),
    st.builds(question_frame, NUMBERS, QUESTIONS).map(bytes_of),
)
ANY_BYTES = (st.binary(min_size=72, max_size=72) | st.binary(max_size=200)).map(bytes_of)
# Whoever is caught is hung up on, so that it first says what can be taken for honest.
LIVES = st.tuples(
    st.lists(WISHES | ENDS | LINES, max_size=20), st.lists(WELL_FORMED | ANY_BYTES, max_size=4)
).map(lambda parts: [*parts[0], *parts[1]])


async def lied_to(office: Office, lives: list[list[Lie]]) -> Rows:
    """What is left after these lives."""
    server = LedgerServer(office.desk.book)
    for lies in lives:
        liar = Liar(office, server)
        for lie in lies:
            liar.say(lie(liar))
        liar.die()
    left = office.rows()
    server.close()
    return left


@UNHURRIED
@given(lives=st.lists(LIVES, min_size=1, max_size=3))
def test_a_lying_worker_leaves_nothing_but_integers_of_closed_ranges(lives: list[list[Lie]]) -> None:
    office = Office()
    before = office.rows()

    after = played(lied_to(office, lives))

    assert outside(after) == []
    assert administrators(after) == administrators(before)
    assert wordy(office.desk.events) == []


def test_the_dump_would_show_a_word_wherever_a_request_left_one() -> None:
    office = Office()
    before = office.rows()
    office.desk.held(Connection(bytes(16)), office.keys[0])
    office.storage._db.execute("UPDATE reservation SET prompt_bound = ?", (2**40,))
    office.storage._db.execute("UPDATE api_key SET name = 'the prompt' WHERE lim IS NOT NULL")
    after = office.rows()
    office.storage.close()

    assert outside(after) == [("reservation", "prompt_bound", 2**40)]
    assert administrators(after) != administrators(before)
