"""What the trainer can be told from outside."""

from bookml.settings import Settings as MlSettings


class Settings(MlSettings):
    """The shared settings and those of everything that has to do with models."""
