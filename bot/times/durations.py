"""Durations in words. Pure."""


def duration(seconds: float) -> str:
    """Seconds in words of two parts at most: `2 min 5 s`."""
    whole = max(int(seconds), 0)
    sizes = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    largest = next((index for index, (size, _) in enumerate(sizes) if whole >= size), len(sizes) - 1)
    words: list[str] = []
    for size, unit in sizes[largest : largest + 2]:
        count, whole = divmod(whole, size)
        if count or not words:
            words.append(f"{count} {unit}")
    return " ".join(words)
