"""OpenStack as a cloud: each binder gets an instance of its own."""
