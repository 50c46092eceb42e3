"""The service seen from outside: HTTP, the command line, and the process that holds both up."""
