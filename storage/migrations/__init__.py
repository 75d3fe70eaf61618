"""How the tables came to their form, version by version."""
