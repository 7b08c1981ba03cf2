"""Recording and replaying: one consumer that numbers what arrives, keeps it, and derives from it."""
