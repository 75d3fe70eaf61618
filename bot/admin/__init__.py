"""The operator's commands, a module each: bake, check, drain, recover, migrate."""
