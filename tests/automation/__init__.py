"""What happens, and what automations make of it."""
