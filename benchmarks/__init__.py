"""Measurements, as ratios from one run; ``python -m benchmarks`` lists them.

Machines are noisy and differ, so every figure stands beside a floor or a peer that was
measured in the same run. Nothing here is a test.
"""
