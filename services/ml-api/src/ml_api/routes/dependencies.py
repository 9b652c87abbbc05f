"""Dependencies of the routes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from bookcore.lake import Lake
from bookml.online import OnlineStore
from bookml.registry import ModelRegistry
from ml_api.models.served_models import ServedModels
from ml_api.monitoring.metrics import MlMetrics
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.serving.prediction_service import PredictionService


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Opened and closed by the app."""

    service: PredictionService
    models: ServedModels
    registry: ModelRegistry
    recorder: PredictionRecorder
    online: OnlineStore
    lake: Lake
    metrics: MlMetrics


def get_state(request: Request) -> ServiceState:
    """The state of this app."""
    state: ServiceState = request.app.state.collaborators
    return state


State = Annotated[ServiceState, Depends(get_state)]
