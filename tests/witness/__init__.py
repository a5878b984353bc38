"""Tests of the witness, over real sockets."""
