"""What somebody changed in a binder since its launch, as an archive."""
