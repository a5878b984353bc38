"""Transport probes and checks, against deployments made here."""
