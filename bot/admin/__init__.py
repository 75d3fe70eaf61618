"""The operator's commands, a module each: check, drain, recover, migrate."""
