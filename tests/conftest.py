"""What all tests share."""

import gc


def pytest_collection_finish() -> None:
    """Leave what collecting made out of garbage collection: thousands of tests would be looked through again and again."""
    gc.collect()
    gc.freeze()
