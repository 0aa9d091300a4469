"""Tests of what docs/consumers offers to take."""
