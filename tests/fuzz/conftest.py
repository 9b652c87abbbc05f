"""The gateway of the unit tests, in front of the same stub services."""

from tests.unit.gateway.conftest import gate, services, settings, stage

__all__ = ["gate", "services", "settings", "stage"]
