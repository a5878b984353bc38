"""The admin plane: keys are made, changed and ended here; no content passes."""
