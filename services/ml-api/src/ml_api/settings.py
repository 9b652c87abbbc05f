"""Settings of ml-api."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from bookcore.kit.settings import Environment, ServerUrl
from bookml.settings import Settings as MlSettings


class ExperimentMode(StrEnum):
    """A challenger is for nothing, for predictions that are only recorded, answers a share of subjects, or a
    share that grows."""

    OFF = "off"
    SHADOW = "shadow"
    SPLIT = "split"
    CANARY = "canary"


class Settings(MlSettings):
    """The shared settings and ml-api's own."""

    ml_api_host: str = Field("127.0.0.1", description="address to listen on")
    ml_api_port: int = Field(8083, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
    ml_features_url: ServerUrl = Field(
        "", description="newest facts by book; default `sqlite:///DATA/ml/online.db`"
    )
    ml_predictions_url: ServerUrl = Field(
        "", description="predictions that were made; default `sqlite:///DATA/ml/predictions.db`"
    )
    ml_journal: Path = Field(
        Path(),
        description="folder on a disk that outlives the process, where predictions wait for table and topic;"
        " default `DATA/ml/journal`",
    )
    ml_reload_seconds: float = Field(1.0, gt=0, description="how often promotions are looked for")
    ml_trial: ExperimentMode = Field(
        ExperimentMode.SHADOW, description="what a challenger is for: off, shadow, split or canary"
    )
    ml_trial_percent: int = Field(10, ge=0, le=100, description="share of subjects in a split")
    ml_canary_steps: str = Field(
        "1,5,25,50",
        pattern=r"^([1-9]\d?|100)(,([1-9]\d?|100))*$",
        description="percent of subjects that a canary answers, step by step",
    )
    ml_canary_prices: int = Field(
        50, ge=10, description="predictions of a step with a known true price before the next step"
    )
    ml_guard_milliseconds: float = Field(
        100.0, gt=0, description="a canary that takes longer for one in a hundred predictions is rolled back"
    )
    ml_guard_failures: float = Field(
        0.01, ge=0, le=1, description="a canary that fails at a larger share of predictions is rolled back"
    )
    ml_guard_predictions: int = Field(
        200, ge=1, description="predictions with a known true price before a new champion is judged"
    )
    ml_guard_coverage: float = Field(
        0.80, ge=0, le=1, description="a champion whose intervals hold less than this is rolled back"
    )
    ml_guard_worse: float = Field(
        0.0005,
        ge=0,
        description="squared log error that a canary may be worse by; 0.0005: prices missed by 2 % more",
    )

    @property
    def canary_percents(self) -> tuple[int, ...]:
        """One for each step."""
        return tuple(int(step) for step in self.ml_canary_steps.split(","))

    @model_validator(mode="after")
    def _set_ml_defaults(self) -> Self:
        data = self.data.absolute()
        for name, file in (("ml_features_url", "online"), ("ml_predictions_url", "predictions")):
            if not getattr(self, name):
                object.__setattr__(self, name, f"sqlite:///{data}/ml/{file}.db")
            if self.environment is Environment.PRODUCTION and getattr(self, name).startswith("sqlite:"):
                raise ValueError(
                    f"BOOKSTREAM_{name.upper()} is an embedded adapter; production requires a server"
                )
        if self.ml_journal == Path():
            object.__setattr__(self, "ml_journal", data / "ml" / "journal")
        return self
