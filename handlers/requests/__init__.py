"""What people may ask for. No Slack: a person asks, one transaction answers."""
