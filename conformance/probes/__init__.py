"""Probes: what can be learned from outside, through the gateway's own interfaces."""
