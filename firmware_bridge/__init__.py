"""From hardware to readings: bytes in, readings out. Knows no session and no database, and never imports devicelog."""
