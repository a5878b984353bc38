"""Transport: TLS versions (T1), clear text (T2), HSTS (T3)."""
