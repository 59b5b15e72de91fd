"""What is allowed and what follows from what: values in, values out, no SQL and no clock."""
