"""Each actor as it is built in its own process, from the settings. Apart from one another, so that none imports what
another needs: only the model store's process loads torch."""
