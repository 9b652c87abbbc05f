"""How much each caller asks for."""

from gateway.control.access import Caller


class Usage:
    """Counts nothing yet."""

    def count(self, caller: Caller, status: int) -> None:
        """One answered request."""
