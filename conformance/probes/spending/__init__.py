"""Spending more than a key may, in every way we know: a generator of work, and the witness's bill as its oracle."""
