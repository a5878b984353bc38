"""How a gateway's key and usage interface is spoken, as data."""
