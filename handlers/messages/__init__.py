"""All words and Block Kit. Pure."""
