"""One file for each way in: command, mention, button, form, home tab."""
