"""From what a person pastes to one exact commit of a repository."""
