"""OCPP 1.6, edition 2, as JSON."""

from typing import Literal

from connectors.ocpp.messages.payload import (
    OneOrMore,
    Payload,
    Phase,
    ReadingContext,
    Text20,
    Text25,
    Text50,
    Text255,
    Unread,
    Whole,
)


class Authorize(Payload, frozen=True, kw_only=True):
    id_tag: Text20


AuthorizationStatus = Literal["Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid"]


class IdTagInfo(Payload, frozen=True, kw_only=True):
    status: AuthorizationStatus
    expiry_date: str | None = None
    parent_id_tag: Text20 | None = None


class AuthorizeResponse(Payload, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo


class BootNotification(Payload, frozen=True, kw_only=True):
    charge_point_vendor: Text20
    charge_point_model: Text20
    charge_point_serial_number: Text25 | None = None
    charge_box_serial_number: Text25 | None = None
    firmware_version: Text50 | None = None
    iccid: Text20 | None = None
    imsi: Text20 | None = None
    meter_type: Text25 | None = None
    meter_serial_number: Text25 | None = None


RegistrationStatus = Literal["Accepted", "Pending", "Rejected"]


class BootNotificationResponse(Payload, frozen=True, kw_only=True):
    status: RegistrationStatus
    current_time: str
    interval: Whole


class Heartbeat(Payload, frozen=True, kw_only=True):
    """Nothing is told in it."""


class HeartbeatResponse(Payload, frozen=True, kw_only=True):
    current_time: str


Format = Literal["Raw", "SignedData"]
Measurand = Literal[
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Interval",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "RPM",
    "SoC",
    "Temperature",
    "Voltage",
]
Location = Literal["Body", "Cable", "EV", "Inlet", "Outlet"]
Unit = Literal[
    "A",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Hertz",
    "K",
    "kVA",
    "kvar",
    "kvarh",
    "kW",
    "kWh",
    "Percent",
    "V",
    "VA",
    "var",
    "varh",
    "W",
    "Wh",
]


class SampledValue(Payload, frozen=True, kw_only=True):
    value: str
    context: ReadingContext | None = None
    format: Format | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    unit: Unit | None = None


class MeterValue(Payload, frozen=True, kw_only=True):
    timestamp: str
    sampled_value: OneOrMore[SampledValue]


class MeterValues(Payload, frozen=True, kw_only=True):
    connector_id: Whole
    meter_value: OneOrMore[MeterValue]
    transaction_id: Whole | None = None


class MeterValuesResponse(Payload, frozen=True, kw_only=True):
    """Nothing is told in it."""


class RemoteStartTransaction(Payload, frozen=True, kw_only=True):
    id_tag: Text20
    connector_id: Whole | None = None
    charging_profile: Unread | None = None


RemoteStartStatus = Literal["Accepted", "Rejected"]


class RemoteStartTransactionResponse(Payload, frozen=True, kw_only=True):
    status: RemoteStartStatus


class StartTransaction(Payload, frozen=True, kw_only=True):
    connector_id: Whole
    id_tag: Text20
    meter_start: Whole
    timestamp: str
    reservation_id: Whole | None = None


class StartTransactionResponse(Payload, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo
    transaction_id: Whole


ErrorCode = Literal[
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
]
ConnectorStatus = Literal[
    "Available",
    "Charging",
    "Faulted",
    "Finishing",
    "Preparing",
    "Reserved",
    "SuspendedEV",
    "SuspendedEVSE",
    "Unavailable",
]


class StatusNotification(Payload, frozen=True, kw_only=True):
    connector_id: Whole
    error_code: ErrorCode
    status: ConnectorStatus
    info: Text50 | None = None
    timestamp: str | None = None
    vendor_id: Text255 | None = None
    vendor_error_code: Text50 | None = None


class StatusNotificationResponse(Payload, frozen=True, kw_only=True):
    """Nothing is told in it."""


StoppedReason = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
]
TransactionUnit = Literal[
    "A",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "K",
    "kVA",
    "kvar",
    "kvarh",
    "kW",
    "kWh",
    "Percent",
    "V",
    "VA",
    "var",
    "varh",
    "W",
    "Wh",
]


class TransactionSample(SampledValue, frozen=True, kw_only=True):
    """A sampled value in a StopTransaction, whose schema lacks the unit Hertz."""

    unit: TransactionUnit | None = None


class TransactionData(MeterValue, frozen=True, kw_only=True):
    """Meter values in a StopTransaction: none sampled is allowed here."""

    sampled_value: tuple[TransactionSample, ...]


class StopTransaction(Payload, frozen=True, kw_only=True):
    meter_stop: Whole
    timestamp: str
    transaction_id: Whole
    id_tag: Text20 | None = None
    reason: StoppedReason | None = None
    transaction_data: tuple[TransactionData, ...] | None = None


class StopTransactionResponse(Payload, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo | None = None
