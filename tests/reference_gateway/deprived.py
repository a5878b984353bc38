"""The gateway on a kernel that lacks something: `python -m …deprived CALL ERRNO ARGUMENTS`; the call fails so."""

import os
import sys

from tests.reference_gateway.confine import kernels

if __name__ == "__main__":
    name, error, *arguments = sys.argv[1:]
    kernels.refuse(name, int(error))
    command = [sys.executable, "-m", "reference_gateway", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 - an argument vector, no shell
