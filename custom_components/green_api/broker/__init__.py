"""A connection to an MQTT broker by paho-mqtt; knows nothing of Home Assistant."""
