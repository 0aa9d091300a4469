# ruff: noqa: INP001  Python finds it by its folder, as what it stands in for
"""Let Home Assistant be imported where this library of Assist's cannot be had."""


class MicroVad:
    """Stand in for voice detection, which the demo does not use."""

    def __init__(self) -> None:
        """Refuse to work."""
        raise NotImplementedError
