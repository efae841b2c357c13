"""The long-running exporter: watches a cluster, answers Prometheus, runs drills on a schedule."""
