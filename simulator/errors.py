"""What the simulator refuses, and how."""

from http import HTTPStatus


class SimulatorError(Exception):
    """Base of everything that the simulator refuses."""


class BadInputError(SimulatorError):
    """The control API or a Python caller gave something that makes no sense."""


class NotFoundError(SimulatorError):
    """There is no such instance or fault."""


class ConflictError(SimulatorError):
    """The instance's present state does not allow it."""


class RefusedError(SimulatorError):
    """The vendor API answers with an error."""

    def __init__(self, status: HTTPStatus, message: str = "") -> None:
        """Keep the HTTP status and the message of its body."""
        super().__init__(message)
        self.status = status


class RejectedError(RefusedError):
    """The vendor API answers 400 with a message."""

    def __init__(self, message: str) -> None:
        """Keep the message."""
        super().__init__(HTTPStatus.BAD_REQUEST, message)


class ValidationFailedError(RejectedError):
    """The vendor API answers 400: a field is missing or wrong."""

    def __init__(self) -> None:
        """Say no more than the vendor does."""
        super().__init__("Validation failed")
