"""What the routes need, as FastAPI hands it to them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from bookcore.lake import Lake
from bookml.online import OnlineStore
from bookml.registry import Registry
from ml_api.models.served_models import Models
from ml_api.monitoring.metrics import Metrics
from ml_api.predictions.recorder import Recorder
from ml_api.serving.prediction_service import Answering


@dataclass(frozen=True, slots=True)
class Collaborators:
    """Opened by the app, closed by the app."""

    answering: Answering
    models: Models
    registry: Registry
    recorder: Recorder
    online: OnlineStore
    lake: Lake
    metrics: Metrics


def collaborators(request: Request) -> Collaborators:
    """Those of this app."""
    found: Collaborators = request.app.state.collaborators
    return found


Parts = Annotated[Collaborators, Depends(collaborators)]
