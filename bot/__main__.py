"""`python -m bot` is the same as `binder-bot`."""

import sys

from bot.cli import main

sys.exit(main())
