"""What runs beside the bot for each binder of the local cloud: fetch, build, serve, report.

`python -m bot.provisioning.runner <instance directory>` starts one, detached: it outlives the bot, and
is found again by the files of `bot.provisioning.local_instance`.
"""
