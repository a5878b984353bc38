"""What a key opens, and what it must not: presented in every way but the right one, and after its end."""
