"""Settings for property tests on machines that are shared: no time limits, a bounded number of examples."""

from hypothesis import HealthCheck, settings

UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
