"""Tests of the whole: real processes, a real broker, a real browser."""
