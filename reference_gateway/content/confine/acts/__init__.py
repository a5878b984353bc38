"""The forbidden acts, each of which a confined process must find refused."""

from typing import Final

from reference_gateway.content.confine.acts import files, memory, network, processes
from reference_gateway.content.confine.acts.act import Act, ByLandlock, Ground

#: In this order; those on processes come last, since the last of them may change who this process is.
ACTS: Final[tuple[Act, ...]] = files.ACTS + memory.ACTS + network.ACTS + processes.ACTS

ANYWHERE: Final = files.ANYWHERE

__all__ = ["ACTS", "ANYWHERE", "Act", "ByLandlock", "Ground"]
