"""Ways of keeping content that belong to no host: what is taken, when, how it is written, and where to."""
