"""Checks: pure functions from evidence to a verdict, one module per claim family."""
