"""What an operator does to a deployment: check it, drain it, recover it, migrate it."""
