"""The ledger plane: keys, limits and usage, as integers."""
