"""Canaries: minting, the forms they take, and reading them back. Pure."""
