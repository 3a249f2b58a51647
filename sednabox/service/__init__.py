"""The service: one graph, for months, watched by systemd and by Prometheus."""
