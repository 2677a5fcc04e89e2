"""How the property-based tests run: a small number of examples here, many by a profile.

``pytest --hypothesis-profile=full`` runs every law at its full size. Where a run decides
whether a change lands, the examples are the same every time; at a desk they are new ones.
"""

import os

from hypothesis import settings

settings.register_profile("small", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("full", deadline=None, max_examples=5_000)
settings.load_profile("small")
