"""Numbers over stays and decisions, and how they are drawn. Pure."""
