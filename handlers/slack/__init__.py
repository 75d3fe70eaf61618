"""Slack's Web API, its requests, and people's time zones."""
