"""`binder-bot try` and `make run`: the whole bot on this machine, without Slack, a cloud or the internet.

It needs the source tree: the local workspace and the example repository are no part of the installed package.
"""
