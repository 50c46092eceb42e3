"""The routes, one module for each resource. A route that is not built does not exist."""
