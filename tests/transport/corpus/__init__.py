"""Deployments of every make, started by the tests themselves, each with the verdicts that it deserves."""
