"""What Slack is owed, on its way."""
