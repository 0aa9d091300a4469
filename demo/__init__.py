"""A demo on this machine: simulated cloud, broker and Home Assistant.

Used by ``scripts/demo`` and by the end-to-end tests. It knows the integration
as a person does: by its configuration, entities, actions and MQTT topics.
"""
