"""What every service needs around its own work: settings, logging, health, errors over HTTP, clock."""
