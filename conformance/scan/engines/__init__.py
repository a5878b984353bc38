"""Engines: many patterns searched for in one pass, by whichever library is fastest here and finds everything."""
