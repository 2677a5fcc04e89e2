"""A strict YAML that keeps the position of everything it reads: text becomes nodes."""
