"""How a role begins and ends, whichever it is."""

import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from reference_gateway.config import ConfigError
from reference_gateway.control import Leash

_PACKAGE: Final = Path(__file__).parents[1]


@contextmanager
def reported(leash: Leash) -> Iterator[None]:
    """Says why a start failed, in words of this program's own; lets the supervisor know of the end."""
    try:
        yield
    except ConfigError as fault:
        leash.failed(str(fault))
    except Exception as fault:  # whatever it was ends the process; the supervisor hears of it first
        leash.failed(f"internal fault: {type(fault).__name__} at {_place(fault)}")
        raise
    finally:
        leash.close()


@contextmanager
def told_to_the_operator() -> Iterator[None]:
    """Makes a wall that cannot be raised a thing for the operator to mend. Raises ConfigError."""
    from reference_gateway.content.confine import NotConfinedError

    try:
        yield
    except NotConfinedError as fault:
        raise ConfigError(str(fault)) from None


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """The rest of the role's life, on an event loop."""
    # Late: the supervisor knows this module and has no loop.
    import asyncio

    import uvloop

    # What is there by now stays, so that no collection need look at it again.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def _place(fault: BaseException) -> str:
    """File and line of ours that lie deepest; they hold nothing of what was processed there."""
    place, step = f"{_PACKAGE.name}:0", fault.__traceback__
    while step is not None:
        file = Path(step.tb_frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE):
            place = f"{file.name}:{step.tb_lineno}"
        step = step.tb_next
    return place
