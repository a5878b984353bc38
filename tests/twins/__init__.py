"""Twins: gateways with one flaw each, odd but conformant ones, and broken targets, put through the real audit."""
