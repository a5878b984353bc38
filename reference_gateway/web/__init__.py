"""What both HTTP planes share: bounded input, constant errors, one way out."""
