"""The operator's commands, a module each: bake, check, drain, images, recover, migrate, rekey, warm."""
