"""Links, DOIs and shorthands -> RepoSpec: a file for each family, and one `table` of them. Pure."""
