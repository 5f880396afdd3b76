"""Link, sessions, visits and fiscal in memory: the real logic and state codec, no broker, no clock.

Each record is a transaction of its own; barriers wait for the other inputs of their partition as
the engine makes them wait. `crash` forgets all derived memory and opens every partition anew.
"""

from collections import defaultdict, deque
from contextlib import suppress
from pathlib import Path

from schemas import codec, ids, topics
from schemas.facts import PolicyPublished, TariffPublished, Tick
from streams.agents.fiscal import fiscal_stage
from streams.agents.link import link_stage
from streams.agents.sessions import sessions_stage
from streams.agents.visits import visits_stage
from streams.core import pricing, strategy
from streams.engine.stage import BadRecord, Record
from streams.engine.state import StateStore, WorkingCopy
from streams.reading import partition_of

POLICY = Path(__file__).parents[1] / "policies" / "matrix.toml"
TARIFF = (
    '{"id":"dc","currency":"CHF","elements":[{"price_components":['
    '{"type":"ENERGY","price":0.55,"vat":8.1,"step_size":1}]}]}'
)


class References:
    def __init__(self, tables):
        self._tables = tables

    def get(self, topic, key):
        return self._tables[topic].get(key)

    require = get

    def items(self, topic):
        return self._tables[topic]


def references(more_policy=""):
    body = pricing.canonical(TARIFF)
    priced = TariffPublished(
        tenant="t", tariff_id="dc", tariff_hash=pricing.content_hash(body), currency="CHF",
        body=body, received_at=0,
    )  # fmt: skip
    text = POLICY.read_text() + more_policy
    parsed = strategy.parse_policy(text)
    policy = PolicyPublished(
        tenant="t", policy_id=parsed.id, version=parsed.version, body=text, published_at=0
    )
    tariff_key = ids.tariff_key("t", "dc", priced.tariff_hash).encode()
    policy_key = ids.policy_key("t", policy.policy_id, policy.version).encode()
    tables = {
        topics.TARIFFS: {tariff_key: codec.encode(priced)},
        topics.POLICIES: {policy_key: codec.encode(policy)},
        topics.HEALTH: {},
    }
    return References(tables), priced.tariff_hash


class Pipeline:
    def __init__(self, partitions=2, more_policy=""):
        self.partitions = partitions
        self.references, self.tariff_hash = references(more_policy)
        made = (link_stage, sessions_stage, visits_stage, fiscal_stage)
        self.stages = tuple(make(partitions) for make in made)
        self.stores = {
            (stage.name, number): StateStore(stage.kinds)
            for stage in self.stages
            for number in range(partitions)
        }
        self.logs = {place: [] for place in self.stores}
        self.queues = defaultdict(deque)
        self.said = defaultdict(list)
        self.parked = []
        self.aside = []
        self._offsets = defaultdict(int)
        self.crash()

    def crash(self):
        self.logics = {}
        for stage in self.stages:
            for number in range(self.partitions):
                logic = stage.open(number, self.references)
                self.stores[stage.name, number] = store = StateStore(stage.kinds)
                for offset, (key, value) in enumerate(self.logs[stage.name, number]):
                    store.load(key, value, offset)
                store.settle()
                logic.restored(store.decoded())
                self.logics[stage.name, number] = logic

    def send(self, topic, key, fact, partition=None, headers=()):
        self.send_bytes(topic, key, codec.encode(fact), partition, headers)

    def send_bytes(self, topic, key, value, partition=None, headers=()):
        raw = key.encode()
        number = partition_of(raw, self.partitions) if partition is None else partition
        place = (topic, number)
        record = Record(topic, number, self._offsets[place], raw, value, headers)
        self._offsets[place] += 1
        if any(topic in stage.inputs for stage in self.stages):
            self.queues[place].append(record)
        else:
            self.said[topic].append(codec.decode(value))
        if topic in (topics.EVENTS, topics.WATCHES, topics.ALIASES, topics.FISCAL_RESPONSES):
            with suppress(codec.NotReadable):  # a test may put nonsense there
                self.said[topic].append(codec.decode(value))

    def tick(self, at):
        for number in range(self.partitions):
            self.send(topics.TICKS, str(number), Tick(partition=number, at=at), number)
        self.run()

    def run(self):
        """Until nothing waits anywhere."""
        while any(self.queues.values()):
            for stage in self.stages:
                for number in range(self.partitions):
                    self._turn(stage, number)

    def _turn(self, stage, number):
        queues = [self.queues[topic, number] for topic in stage.inputs]
        logic = self.logics[stage.name, number]
        store = self.stores[stage.name, number]
        held = [
            queue for queue in queues if queue and logic.is_barrier(queue[0], WorkingCopy(store))
        ]
        free = [queue for queue in queues if queue and queue not in held]
        for queue in free or held[:1]:
            self._apply((stage, number), logic, store, queue.popleft())

    def _apply(self, place, logic, store, record):
        try:
            self._transaction(place, logic, store, record, None)
        except BadRecord as bad:
            logic.aborted()
            self.parked.append((record, bad))
            self._transaction(place, logic, store, record, bad)

    def _transaction(self, place, logic, store, record, bad):
        stage, number = place
        log = self.logs[stage.name, number]
        cold = store.cold.places
        asked = [key for key in stage.keys_of(record) if key in cold]
        store.thaw({key: log[cold[key]][1] for key in asked})
        view = WorkingCopy(store)
        if bad is None:
            outputs = list(logic.step(record, view))
        else:
            outputs = list(logic.quarantine(record, bad.reason, view))
        outputs += logic.finish(view)
        assert not view.mutated(), "a state changed in place and was never put"
        changes = view.changes()
        store.commit(changes)
        logic.committed(view.touched)
        store.placed(view.touched, {key: len(log) + n for n, key in enumerate(changes)})
        store.refreeze()
        log.extend(changes.items())
        for one in outputs:
            if one.topic == topics.PARKED:
                self.aside.append((one.key, one.value, one.headers))
                continue
            self.send_bytes(one.topic, one.key.decode(), one.value, one.partition)
