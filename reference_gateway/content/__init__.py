"""The content plane: it relays prompts and answers and has no way to keep them."""
