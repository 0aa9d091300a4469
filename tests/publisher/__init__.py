"""Tests of the MQTT publisher."""
