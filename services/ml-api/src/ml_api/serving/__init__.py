"""Makes predictions: chooses the model, estimates, records, watches the drift of inputs."""
