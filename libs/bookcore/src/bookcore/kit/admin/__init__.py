"""What every process tells its operators: health and metrics, on a port of their own."""
