"""Further models on a server that only seems to route them: what the witness does not see is not spent upon."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import structs

from conformance.dialects.speak import Key
from conformance.probes.door import Answer
from conformance.probes.spending import models
from conformance.session import Session
from conformance.target import Model
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening, saying

T = TypeVar("T")
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_AMPLE = Key("ample", "sk-ample", "id", None, {}, Answer(status=201, headers=(), body=b"", ms=0))
_DEAR = Model(prompt_price="20", completion_price="40")


def _of(opened: Opened, script: Script, scene: Callable[[Session], Awaitable[T]], **more: Model) -> T:
    """A scene on a server with these models beside the usual one, and a witness that nobody calls."""

    async def staged() -> T:
        async with (
            listening(script) as port,
            opened(structs.replace(target(port), models={"m": Model(), **more})) as session,
            Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted()) as session.witness,
        ):
            return await scene(session)

    return run(staged)


async def _known(session: Session) -> tuple[list[str], tuple[str, ...]]:
    known, left_out = await models._known(
        session, _AMPLE, [m for m in session.target.witness_models() if m != "m"]
    )
    return [model.name for model in known], left_out


def test_a_model_that_is_served_by_somebody_else_is_left_out(opened: Opened) -> None:
    known, left_out = _of(opened, saying(_OK), _known, dear=_DEAR)

    assert known == []
    assert left_out == ("dear: its calls do not reach the witness",)


def test_a_model_that_is_refused_is_tried_all_the_same(opened: Opened) -> None:
    assert _of(opened, saying(_UNKNOWN), _known, dear=_DEAR) == (["dear"], ())


def test_of_many_models_the_dearest_are_tried(opened: Opened) -> None:
    many = {f"m{n}": Model(prompt_price=str(n), completion_price=str(n)) for n in range(1, 9)}

    known, left_out = _of(opened, saying(_UNKNOWN), _known, **many)

    assert known == ["m8", "m7", "m6", "m5", "m4", "m3"]
    assert left_out == ("m2: 6 dearer ones were tried", "m1: 6 dearer ones were tried")


def test_a_lone_model_is_nothing_to_look_at(opened: Opened) -> None:
    seen = _of(opened, saying(_OK), models.spend_models)

    assert (seen.only, seen.tried, seen.seen()) == ("m", (), 1)
