"""The operator's commands, a module each: check, drain, images, recover, migrate."""
