"""A minimal LLM gateway that keeps, by its shape, what a security page promises."""
