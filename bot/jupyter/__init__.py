"""The Jupyter server that runs in a binder, as a client sees it."""
