"""A node that stands in for RobustMQ where the real binary cannot be had."""
