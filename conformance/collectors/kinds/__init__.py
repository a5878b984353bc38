"""Kinds of surfaces, a module each. They enter themselves; whoever reads a surface loads them all."""
