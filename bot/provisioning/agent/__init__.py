"""The agent: it fetches one repository, builds it, serves it, and reports how far it is.

The same package runs in an instance of OpenStack and on the bot's own host. What differs are its settings
(`settings.AgentSettings`), not its code. It is a program of its own:

    python3 agent.pyz /etc/binder-bot/task.json                  # in an instance, at every boot
    python -m bot.provisioning.agent <directory>/task.json       # on the host

It uses the standard library alone and imports nothing of the bot outside of this package, because it travels
to the instance as an archive (`archive.py`). What travels runs on Python 3.9; the modules of the build with
uv stay on the host and need Python 3.11.
"""
