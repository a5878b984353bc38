"""The claims of the security page, and what each takes to verify, as data."""
