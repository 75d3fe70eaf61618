"""The local cloud: binders as processes or containers of the bot's own host."""
