"""HTTP as `uri` and `get_url` speak it: from here, over a connection that the host makes."""
