"""The whole product, as a user runs it: the real command, real processes, real sockets."""
