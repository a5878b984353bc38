"""The bundle: evidence, results and renderings of a run, sealed so that whoever changes a byte of it is found out."""
