"""The endpoints of the content API: what of a body is checked, what bounds its cost, how usage is read."""
