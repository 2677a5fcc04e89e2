"""A web page, what comes in by itself, and an API for a workspace of funnelflow."""
