"""What comes in by itself: ``POST /in/NAME`` for each source in the settings."""

from funnelflow_web.inbound.receive import routes

__all__ = ["routes"]
