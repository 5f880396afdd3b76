from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.transactions import murmur2, murmur2_partition


@given(st.binary(max_size=80))
def test_the_hash_is_the_one_of_kafkas_clients(key):
    assert murmur2(key) == of_aiokafka(key) & 0xFFFFFFFF


@given(st.binary(max_size=80), st.integers(1, 50))
def test_a_key_goes_where_kafkas_clients_send_it(key, partitions):
    assert murmur2_partition(key, partitions) == (of_aiokafka(key) & 0x7FFFFFFF) % partitions
