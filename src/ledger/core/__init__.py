"""The pure middle: bytes in, values out, errors raised. No I/O, clock, randomness or framework."""
