"""The command line: `ktrdr`."""
