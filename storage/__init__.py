"""Tables and everything that touches them. Nothing here knows Slack or a cloud."""
