"""Threefry-2x32-20 once more, in Python integers."""

import math


def normal(seed: int, stream: int, item: int, step: int) -> float:
    """Return the sum of eight random bytes, less its mean, over its standard deviation."""
    words = threefry(seed % 2**32, stream, item, step)
    total = sum(word >> shift & 0xFF for word in words for shift in (0, 8, 16, 24))
    return (total - 8 * 127.5) / math.sqrt(8 * (256**2 - 1) / 12)


def uniform(seed: int, stream: int, item: int, step: int) -> float:
    """Return the first 24 random bits as a fraction."""
    return (threefry(seed % 2**32, stream, item, step)[0] >> 8) / 2**24


def threefry(key_0: int, key_1: int, counter_0: int, counter_1: int) -> tuple[int, int]:
    """Return Threefry-2x32 with 20 rounds; Salmon et al. (2011)."""
    keys = [key_0, key_1, key_0 ^ key_1 ^ 0x1BD11BDA]
    x, y = (counter_0 + keys[0]) % 2**32, (counter_1 + keys[1]) % 2**32
    for number in range(20):
        x = (x + y) % 2**32
        by = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        y = (y << by | y >> (32 - by)) % 2**32 ^ x
        if number % 4 == 3:
            group = number // 4 + 1
            x = (x + keys[group % 3]) % 2**32
            y = (y + keys[(group + 1) % 3] + group) % 2**32
    return x, y
