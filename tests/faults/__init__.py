"""Disturbed audits: whatever goes wrong on the way, no promise may look kept that was not seen to be kept."""
