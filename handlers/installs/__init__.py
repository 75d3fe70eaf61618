"""Workspaces that install the bot: how they do so, their tokens, and their end."""
