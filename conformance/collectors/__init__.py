"""Collectors: what can be learned from inside, by reading where a gateway could store."""
