"""Gateways that nobody here wrote, installed from their packages and audited through target files alone."""
