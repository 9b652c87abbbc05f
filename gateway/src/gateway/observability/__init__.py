"""Access log and metrics: counted per process, summed over all workers for Prometheus."""
