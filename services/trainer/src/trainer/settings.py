"""Settings of the trainer."""

from pydantic import Field

from bookml.settings import Settings as MlSettings


class Settings(MlSettings):
    """The shared settings, the registry's, and the limits of the retrain policy."""

    trainer_days: float = Field(30.0, gt=0, description="age in days at which a model is trained again")
    trainer_share: float = Field(
        0.2, gt=0, description="share of books, new or with another price, at which a model is trained again"
    )
    trainer_drift: float = Field(
        0.2, gt=0, le=1, description="distance (Kolmogorov-Smirnov) of new books at which it is trained again"
    )
    trainer_error: float = Field(
        1.25, gt=0, description="live error over the expected one at which a model is trained again"
    )
