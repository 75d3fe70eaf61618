"""The settings, and how each of their words is read."""

from bot.config.settings import Settings, check_value, load

__all__ = ["Settings", "check_value", "load"]
