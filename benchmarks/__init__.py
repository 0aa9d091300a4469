"""Measurements against a real Home Assistant; scripts/bench runs them."""
