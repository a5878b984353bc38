"""TLS asked question by question: hand-made hellos, one offer each, and a reader for what comes back."""
