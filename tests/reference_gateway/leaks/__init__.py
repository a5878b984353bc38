"""Zero retention: content goes every way a request can go, and then everything that was written is searched."""

#: How every canary ends. Twins know it by this without knowing what a campaign sends.
TAIL = "XW7KHJ4TMRVQ"
