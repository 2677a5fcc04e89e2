"""Text on its way to nodes: a strict YAML that keeps the place of everything it reads."""
