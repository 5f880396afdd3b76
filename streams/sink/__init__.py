"""The sink: topics into ClickHouse, each record once; and read-only queries over what is there."""
