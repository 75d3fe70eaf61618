"""Reading times that people type and settings name. Pure."""
