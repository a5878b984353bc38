"""The conformance suite: observes a running gateway, judges what it saw, and shows its evidence."""
