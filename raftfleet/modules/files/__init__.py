"""Files on a host: what is there, what is to be there, and bringing it about."""
