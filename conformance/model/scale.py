"""Closed scales: how deep a look goes, how much a flaw matters, whose fault it is, how much a probe disturbs."""

from enum import Enum


class Level(Enum):
    """What access a verdict rests on; printed beside every verdict."""

    OUTSIDE = "outside"  # a URL and a key
    OPERATOR = "operator"  # an admin key; the upstream provider is the auditor's witness
    INSIDE = "inside"  # storage, logs and backups can be read
    INSTRUMENTED = "instrumented"  # inside, and processes can be controlled by declared commands
    DOCUMENT = "document"  # a person's word, on paper


class Severity(Enum):
    """How much damage a failed check stands for, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Fault(Enum):
    """Whose fault it is that something could not be observed."""

    TARGET = "target"
    OPERATOR = "operator"
    NETWORK = "network"
    SUITE = "suite"


class Disruption(Enum):
    """What an observation may do to the target; the plan prints it before anything is sent."""

    PASSIVE = "passive"  # reads what is there
    ACTIVE_SAFE = "active-safe"  # ordinary requests
    STATE_CHANGING = "state-changing"  # creates and revokes its own keys, spends money
    INTRUSIVE = "intrusive"  # may disturb others; never on production without authorisation
