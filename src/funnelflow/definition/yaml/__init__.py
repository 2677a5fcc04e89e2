"""A strict YAML that keeps the place of everything it reads: text becomes nodes."""
