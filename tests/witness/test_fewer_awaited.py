"""A barrier that awaits fewer calls: those that were refused never come."""

import asyncio

import pytest

from conformance.witness.barrier import Barrier


@pytest.mark.parametrize(("until", "refused", "met"), [(5, 3, True), (5, 5, False), (2, 0, True)])
def test_calls_are_let_go_as_soon_as_nobody_else_can_come(until: int, refused: int, met: bool) -> None:
    async def scene() -> bool:
        barrier = Barrier(token="race", until=until, limit=60)
        waiting = [asyncio.ensure_future(barrier.wait()) for _ in range(until - refused)]
        await asyncio.sleep(0)
        for _ in range(refused):
            barrier.fewer()
        async with asyncio.timeout(5):
            await asyncio.gather(*waiting)
        return barrier.met

    assert asyncio.run(scene()) is met


def test_an_answer_after_the_release_changes_nothing() -> None:
    async def scene() -> bool:
        barrier = Barrier(token="race", until=1, limit=60)
        await barrier.wait()
        barrier.fewer()
        await barrier.wait()
        return barrier.met

    assert asyncio.run(scene())
