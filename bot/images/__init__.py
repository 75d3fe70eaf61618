"""The image store: images that were built once are kept in a registry, and pulled by later launches."""
