"""How a call at the witness comes to its end, and what is billed for it then."""

import asyncio

from conformance.witness.answers import Answer, Ending
from conformance.witness.ledger import Outcome, WitnessCall, settled
from conformance.witness.wire import Wire


async def finish(wire: Wire, call: WitnessCall, answer: Answer) -> Outcome:
    """End the answer; the call is settled in the step that writes its last byte: who has it sees the bill."""
    if answer.ending is not Ending.WHOLE:
        settle(call, answer, Outcome.CUT)
        if answer.ending is Ending.RST:
            await wire.reset()
        return Outcome.CUT
    wire.end()
    settle(call, answer, Outcome.COMPLETE if 200 <= answer.status < 300 else Outcome.REFUSED)
    await wire.flush()
    return call.outcome


def stopped(call: WitnessCall, *, hangs: bool) -> Outcome:
    """How a call ended that was under way when the witness was stopped."""
    if call.ended is not None:
        return call.outcome
    return Outcome.HUNG if hangs else Outcome.CUT


def settle(call: WitnessCall, answer: Answer, outcome: Outcome) -> None:
    """Write down the end of a call, now, and its bill."""
    usage = settled(answer.usage, outcome)
    call.prompt_tokens, call.completion_tokens = usage.prompt, usage.completion
    call.outcome = outcome
    call.ended = asyncio.get_running_loop().time()
