"""The settings, and how each of their words is read."""

from bot.config.settings import Settings, load

__all__ = ["Settings", "load"]
