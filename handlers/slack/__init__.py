"""Slack's Web API, Socket Mode and people's time zones."""
