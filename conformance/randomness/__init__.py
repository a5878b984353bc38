"""How guessable secrets are, as far as a sample of them can tell: it can refute randomness, never prove it. Pure."""
