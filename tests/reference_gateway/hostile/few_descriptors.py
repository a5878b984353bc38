"""The gateway where each of its processes may have few descriptors: `python -m …few_descriptors CONFIG READY_FD`."""

import resource
import sys

from reference_gateway.__main__ import main

FEW = 40

if __name__ == "__main__":
    config, ready = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))
    sys.exit(main([config, "--ready-fd", ready]))
