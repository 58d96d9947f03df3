"""Alerts: rules as data, evaluated here on any store, and written for Grafana as well."""
