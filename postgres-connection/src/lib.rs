//! How the log and the read model reach a PostgreSQL: its URL, TLS, connections, migrations.
