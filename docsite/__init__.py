"""The documentation as a site: put together, rendered, and searched for dead links."""
