"""What should happen to a binder next, and who does it."""
