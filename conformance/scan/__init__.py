"""The scan engine: bytes in, sightings out."""
