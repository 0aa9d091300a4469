"""What a person is told when the demo cannot go on."""


class DemoError(Exception):
    """Say what went wrong, and what helps."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        """Take the problem, and the remedy where there is one."""
        super().__init__(problem)
        self.remedy = remedy
