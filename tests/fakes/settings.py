"""Settings for tests: what they are given, and the defaults."""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.config import Settings


class GivenSettings(Settings):
    """Settings that look into no environment and no `.env`: that takes a fifth of the time.

    The environment of whoever runs the tests changes nothing, either.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Ask the arguments alone."""
        return (init_settings,)
