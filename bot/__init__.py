"""The application: what a binder is, what should happen to it, and who drives it."""
