"""The command line: starts the services, crawls, imports, and reports what is stored; imports no service."""
