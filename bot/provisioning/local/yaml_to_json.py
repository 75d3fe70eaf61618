"""A program that reads YAML on its standard input and prints it as JSON, for the agent, which cannot.

It is a process of its own with little memory, since a few lines of YAML can stand for gigabytes.
"""

import json
import resource
import sys

import yaml

_BYTES_OF_MEMORY = 256 * 1024 * 1024


def main() -> None:
    """Convert."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES_OF_MEMORY, _BYTES_OF_MEMORY))
    try:
        text = json.dumps(yaml.safe_load(sys.stdin), default=str)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, MemoryError) as error:
        sys.exit(f"{type(error).__name__}: {error}"[:1_000])
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
