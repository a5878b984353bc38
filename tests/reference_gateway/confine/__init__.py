"""The kernel's walls around content workers, against real kernels and against ones that refuse or lie."""
