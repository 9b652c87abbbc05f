"""One behaviour suite per port: an adapter's test class inherits it and names the adapter."""
