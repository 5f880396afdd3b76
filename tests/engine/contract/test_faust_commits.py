"""Faust's bookkeeping, and that ours has none of it; no broker needed."""

import asyncio

import pytest
from aiokafka.errors import KafkaError, ProducerFenced
from faust.transport.drivers import aiokafka as faust_driver
from faust.types import TP

from streams.engine import driver


class TestCommits:
    async def test_naive_a_commit_that_failed_is_remembered_as_done(self, stock, monkeypatch):
        place = TP("t", 0)
        consumer = stock.consumer

        async def fails(_):
            return False

        monkeypatch.setattr(consumer, "_commit", fails)
        monkeypatch.setattr(consumer, "assignment", lambda: {place})
        monkeypatch.setattr(stock.producer, "flush", lambda: fails(None))
        assert await consumer._commit_offsets({place: 5}) is False
        assert consumer._committed_offset[place] == 5

    def test_naive_the_check_for_a_gap_at_the_head_is_off_by_one(self, stock):
        """Offset 4 is in flight; 5 and 6 are acknowledged; the new position passes it."""
        place = TP("t", 0)
        consumer = stock.consumer
        consumer._committed_offset[place] = 4
        consumer._acked[place] = [5, 6]
        assert consumer._new_offset(place) == 7

    async def test_ours_has_no_way_to_commit(self, ours):
        consumer = ours.consumer
        paths = [
            consumer.commit(),
            consumer.force_commit(),
            consumer._commit_offsets({TP("a", 0): 5}),
            consumer._commit({TP("a", 0): 5}),
        ]
        assert [await path for path in paths] == [False] * 4
        await consumer.commit_and_end_transactions()
        await consumer.wait_empty()
        await consumer.on_stop()

    def test_ours_overrides_every_path_that_commits_in_faust(self):
        """A name that is new here means that an upgrade of Faust may move the group again."""
        found = {
            name
            for kind in faust_driver.Consumer.__mro__
            if kind.__module__.startswith("faust.")
            for name in vars(kind)
            if "commit" in name
        }
        harmless = {  # they read, compute, or wait for one of ours
            "_commit_fut",
            "_commit_tps",
            "_filter_committable_offsets",
            "_should_commit",
            "maybe_wait_for_commit_to_finish",
            "seek_to_committed",
        }
        assert found - harmless == {name for name in vars(driver.Consumer) if "commit" in name}


class TestNeverUsed:
    """Parts of Faust that the design keeps away from, and why."""

    @pytest.mark.parametrize("error", [KafkaError(), ProducerFenced()])
    @pytest.mark.parametrize("step", ["begin_transaction", "commit_transaction"])
    async def test_its_transactions_swallow_errors(self, stock, step, error):
        """The app goes on as if it had begun or committed, even when it was fenced."""

        class Broken:
            async def begin_transaction(self):
                raise error

            commit_transaction = begin_transaction

            async def stop(self):
                pass

        producer = stock.producer
        producer._transaction_producers["tid"] = Broken()
        producer._trn_locks["tid"] = asyncio.Lock()
        producer._ensure_producer = lambda: None
        assert await getattr(producer, step)("tid") is None

    async def test_its_producer_buffer_gives_up_waiting_with_messages_in_it(self, stock):
        """So a commit may come before the changelog of the tables it is about."""
        buffer = stock.producer.buffer
        buffer._started.set()  # running, its task stuck
        buffer.pending.put_nowait(object())
        await buffer.flush()
        assert buffer.size == 1

    async def test_its_tables_cannot_be_joined(self, stock):
        with pytest.raises(NotImplementedError):
            stock.Table("sessions").join()

    def test_ours_has_no_tables_and_no_guarantee_of_faust_s(self, ours):
        assert not ours.tables
        assert ours.conf.processing_guarantee.name == "AT_LEAST_ONCE"
        assert not ours.conf.stream_publish_on_commit
