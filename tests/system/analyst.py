"""Reads a topic as an analyst would: analyst.py TOPIC RECORDS. Prints what it found as JSON."""

import json
import os
import sys
import uuid

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

topic, expected = sys.argv[1], int(sys.argv[2])
deserialize = AvroDeserializer(SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]}))
consumer = Consumer({
    "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "group.id": f"analyst-{uuid.uuid4()}",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
})
consumer.subscribe([topic])
types, headers, records = {}, set(), 0
while records < expected:
    message = consumer.poll(20)
    if message is None:
        sys.exit(f"only {records} of {expected} records of {topic} came")
    if message.error():
        sys.exit(str(message.error()))
    event = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
    assert event["aggregateId"] == message.key().decode(), event
    present = {name: value.decode() for name, value in message.headers()}
    assert present["ce_id"] == str(event["eventId"]), event
    assert present["ce_type"] == event["eventType"], event
    types[event["eventType"]] = types.get(event["eventType"], 0) + 1
    headers |= present.keys()
    records += 1
consumer.close()
print(json.dumps({"records": records, "types": types, "headers": sorted(headers)}))
