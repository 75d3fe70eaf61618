"""Who may launch, what, and how much. Pure: tables and arithmetic; rows and Slack are asked by others."""
