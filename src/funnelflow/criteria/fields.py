"""A field: a typed fact about a contact or an event, and what its values may be.

Facts are normalised here, at the one door through which every path lets them in.
"""
