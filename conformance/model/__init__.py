"""The vocabulary that every other room speaks: evidence, verdict, finding, assessment."""
