"""Nodes become records: every key and every kind of value is checked on the way."""
