"""Begins a transaction on a partition and dies without ending it: hanging.py TOPIC PARTITION."""

import os
import sys
import uuid

from confluent_kafka import Producer

producer = Producer({
    "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "transactional.id": f"hanging-{uuid.uuid4()}",
    # As long as our brokers take (transaction.max.timeout.ms): until then only an operator ends it.
    "transaction.timeout.ms": 60_000,
})
producer.init_transactions(30)
producer.begin_transaction()
producer.produce(sys.argv[1], b"never committed", partition=int(sys.argv[2]))
if producer.flush(30):
    sys.exit("the record was not delivered")
# At once, as a process that is killed: a producer that ends in order would abort it.
os._exit(0)
