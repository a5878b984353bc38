"""Measurements of speed, each a decorated function; `python -m tests.bench` makes them all."""
