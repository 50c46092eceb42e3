"""Each actor as it is built in its own process, from the settings. Apart from one another, so that none imports what
another needs: torch is loaded by the processes of the model store and of predictions alone, when they are built."""
