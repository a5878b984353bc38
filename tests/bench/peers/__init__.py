"""Servers of other people, standing beside the gateway in a measurement."""
