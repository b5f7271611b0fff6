"""What a random number is for: the second half of its key. Numbers of different streams have nothing in common."""

STREAM_NOISE, STREAM_ARRIVAL, STREAM_SPEED, STREAM_HEADWAY, STREAM_AUTOMATED = range(5)
STREAM_DAWDLE, STREAM_SENSED_GAP, STREAM_SENSED_SPEED, STREAM_DROPOUT = range(5, 9)
STREAM_SEEN_PLACE, STREAM_SEEN_SPEED, STREAM_SEEN_AGE = range(9, 12)
