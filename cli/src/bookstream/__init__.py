"""The command line: starts the processes and looks at the data; imports no service."""
