"""Tests of GREEN-API for Home Assistant."""
