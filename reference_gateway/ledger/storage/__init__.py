"""Where the ledger's integers are kept."""
