"""Confinement of content workers by the kernel: what it refuses, content cannot use to leave.

Two walls that do not rest on each other, a seccomp filter that allows what serving needs and Landlock without
a rule, and proof at every start that they stand.
"""

from reference_gateway.content.confine.bpf import filter_digest
from reference_gateway.content.confine.privileges import Identity
from reference_gateway.content.confine.refusal import NotConfinedError, Reason
from reference_gateway.content.confine.walls import Walls, available, confine

__all__ = ["Identity", "NotConfinedError", "Reason", "Walls", "available", "confine", "filter_digest"]
