"""Plugins that pytest loads by name."""
