"""Who may read a private repository, and with what right: people's own at GitHub, and deploy tokens."""
