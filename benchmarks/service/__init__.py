"""The service under load: files arrive, dashboards ask, and it is killed."""
