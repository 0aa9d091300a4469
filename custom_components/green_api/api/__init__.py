"""A client of the GREEN-API cloud, free of Home Assistant."""
