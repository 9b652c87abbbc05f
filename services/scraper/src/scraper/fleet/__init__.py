"""Fleet of workers: commands, the state of each source, and the worker that runs crawls."""
