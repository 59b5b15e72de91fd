"""Phoenix Channels, protocol version 2, as values: both halves without I/O and without a clock."""
