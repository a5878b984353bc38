"""The witness: an upstream provider in the auditor's hands, the ground truth of what was forwarded."""
