"""What tests need: contract suites and helpers for those who build on funnelflow.

Nothing is imported here, because each helper needs its own tools; import what you use, as
in ``from funnelflow.testing.conformance import run_case``.
"""

__all__: list[str] = []
