"""Schema registries with Confluent's REST API, and Avro in the framings that go with them."""
