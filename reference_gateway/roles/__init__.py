"""What each of the gateway's processes does, from its first line to its last.

Every role reads the secrets that it needs, and only those: the ledger the admin tokens, the workers the
providers' keys. Each is imported in its own process, after the fork, so that no process holds another's code.
"""
