"""The run folder: what was seen, content-addressed, and what must stay private."""
