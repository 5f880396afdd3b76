"""What OCPP 2.0.1 and 2.1 have in common (part 2, messages and data types)."""

from typing import Literal

from connectors.ocpp.messages.payload import (
    Extensible,
    Number,
    Text20,
    Text25,
    Text36,
    Text50,
    Text255,
    Whole,
)


class Modem(Extensible, frozen=True, kw_only=True):
    iccid: Text20 | None = None
    imsi: Text20 | None = None


class ChargingStation(Extensible, frozen=True, kw_only=True):
    model: Text20
    vendor_name: Text50
    serial_number: Text25 | None = None
    modem: Modem | None = None
    firmware_version: Text50 | None = None


BootReason = Literal[
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
]


class BootNotification(Extensible, frozen=True, kw_only=True):
    charging_station: ChargingStation
    reason: BootReason


RegistrationStatus = Literal["Accepted", "Pending", "Rejected"]


class CostUpdated(Extensible, frozen=True, kw_only=True):
    total_cost: Number
    transaction_id: Text36


class CostUpdatedResponse(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


class Heartbeat(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


class HeartbeatResponse(Extensible, frozen=True, kw_only=True):
    current_time: str


class UnitOfMeasure(Extensible, frozen=True, kw_only=True):
    unit: Text20 | None = None
    multiplier: Whole | None = None


class MeterValuesResponse(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


EventTrigger = Literal["Alerting", "Delta", "Periodic"]
EventNotification = Literal[
    "CustomMonitor", "HardWiredMonitor", "HardWiredNotification", "PreconfiguredMonitor"
]


class Variable(Extensible, frozen=True, kw_only=True):
    name: Text50
    instance: Text50 | None = None


class NotifyEventResponse(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


RequestStartStopStatus = Literal["Accepted", "Rejected"]


class SecurityEventNotification(Extensible, frozen=True, kw_only=True):
    type: Text50
    timestamp: str
    tech_info: Text255 | None = None


class SecurityEventNotificationResponse(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


ConnectorStatus = Literal["Available", "Faulted", "Occupied", "Reserved", "Unavailable"]


class StatusNotificationResponse(Extensible, frozen=True, kw_only=True):
    """Nothing is told in it."""


EventKind = Literal["Ended", "Started", "Updated"]
ChargingState = Literal["Charging", "EVConnected", "Idle", "SuspendedEV", "SuspendedEVSE"]
AuthorizationStatus = Literal[
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
]
