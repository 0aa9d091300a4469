"""Tests of what the cloud tells by itself."""
