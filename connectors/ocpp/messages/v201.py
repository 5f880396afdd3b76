"""OCPP 2.0.1, edition 3 (part 2): what 2.1 has otherwise."""

from typing import Literal

from connectors.ocpp.messages.payload import (
    Extensible,
    Number,
    OneOrMore,
    Phase,
    ReadingContext,
    Text8,
    Text20,
    Text36,
    Text50,
    Text500,
    Text512,
    Text2500,
    Unread,
    Whole,
)
from connectors.ocpp.messages.v2 import (
    AuthorizationStatus,
    ChargingState,
    ConnectorStatus,
    EventKind,
    EventNotification,
    EventTrigger,
    RegistrationStatus,
    RequestStartStopStatus,
    UnitOfMeasure,
    Variable,
)


class StatusInfo(Extensible, frozen=True, kw_only=True):
    reason_code: Text20
    additional_info: Text512 | None = None


class BootNotificationResponse(Extensible, frozen=True, kw_only=True):
    current_time: str
    interval: Whole
    status: RegistrationStatus
    status_info: StatusInfo | None = None


Measurand = Literal[
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Interval",
    "Energy.Active.Import.Register",
    "Energy.Active.Net",
    "Energy.Apparent.Export",
    "Energy.Apparent.Import",
    "Energy.Apparent.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Energy.Reactive.Net",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
]
Location = Literal["Body", "Cable", "EV", "Inlet", "Outlet"]


class SignedMeterValue(Extensible, frozen=True, kw_only=True):
    signed_meter_data: Text2500
    signing_method: Text50
    encoding_method: Text50
    public_key: Text2500


class SampledValue(Extensible, frozen=True, kw_only=True):
    value: Number
    context: ReadingContext | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    signed_meter_value: SignedMeterValue | None = None
    unit_of_measure: UnitOfMeasure | None = None


class MeterValue(Extensible, frozen=True, kw_only=True):
    sampled_value: OneOrMore[SampledValue]
    timestamp: str


class MeterValues(Extensible, frozen=True, kw_only=True):
    evse_id: Whole
    meter_value: OneOrMore[MeterValue]


class Evse(Extensible, frozen=True, kw_only=True):
    id: Whole
    connector_id: Whole | None = None


class Component(Extensible, frozen=True, kw_only=True):
    name: Text50
    evse: Evse | None = None
    instance: Text50 | None = None


class EventData(Extensible, frozen=True, kw_only=True):
    event_id: Whole
    timestamp: str
    trigger: EventTrigger
    actual_value: Text2500
    component: Component
    event_notification_type: EventNotification
    variable: Variable
    cause: Whole | None = None
    tech_code: Text50 | None = None
    tech_info: Text500 | None = None
    cleared: bool | None = None
    transaction_id: Text36 | None = None
    variable_monitoring_id: Whole | None = None


class NotifyEvent(Extensible, frozen=True, kw_only=True):
    generated_at: str
    seq_no: Whole
    event_data: OneOrMore[EventData]
    tbc: bool | None = None


IdTokenKind = Literal[
    "Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"
]


class AdditionalInfo(Extensible, frozen=True, kw_only=True):
    additional_id_token: Text36
    type: Text50


class IdToken(Extensible, frozen=True, kw_only=True):
    id_token: Text36
    type: IdTokenKind
    additional_info: OneOrMore[AdditionalInfo] | None = None


class RequestStartTransaction(Extensible, frozen=True, kw_only=True):
    id_token: IdToken
    remote_start_id: Whole
    evse_id: Whole | None = None
    group_id_token: IdToken | None = None
    charging_profile: Unread | None = None


class RequestStartTransactionResponse(Extensible, frozen=True, kw_only=True):
    status: RequestStartStopStatus
    status_info: StatusInfo | None = None
    transaction_id: Text36 | None = None


class StatusNotification(Extensible, frozen=True, kw_only=True):
    timestamp: str
    connector_status: ConnectorStatus
    evse_id: Whole
    connector_id: Whole


TriggerReason = Literal[
    "AbnormalCondition",
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "EVDeparted",
    "EVDetected",
    "MeterValueClock",
    "MeterValuePeriodic",
    "RemoteStart",
    "RemoteStop",
    "ResetCommand",
    "SignedDataReceived",
    "StopAuthorized",
    "TimeLimitReached",
    "Trigger",
    "UnlockCommand",
]
StoppedReason = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
]


class Transaction(Extensible, frozen=True, kw_only=True):
    transaction_id: Text36
    charging_state: ChargingState | None = None
    time_spent_charging: Whole | None = None
    stopped_reason: StoppedReason | None = None
    remote_start_id: Whole | None = None


class TransactionEvent(Extensible, frozen=True, kw_only=True):
    event_type: EventKind
    timestamp: str
    trigger_reason: TriggerReason
    seq_no: Whole
    transaction_info: Transaction
    meter_value: OneOrMore[MeterValue] | None = None
    offline: bool | None = None
    number_of_phases_used: Whole | None = None
    cable_max_current: Whole | None = None
    reservation_id: Whole | None = None
    evse: Evse | None = None
    id_token: IdToken | None = None


MessageFormat = Literal["ASCII", "HTML", "URI", "UTF8"]


class MessageContent(Extensible, frozen=True, kw_only=True):
    format: MessageFormat
    content: Text512
    language: Text8 | None = None


class IdTokenInfo(Extensible, frozen=True, kw_only=True):
    status: AuthorizationStatus
    cache_expiry_date_time: str | None = None
    charging_priority: Whole | None = None
    language1: Text8 | None = None
    evse_id: OneOrMore[Whole] | None = None
    group_id_token: IdToken | None = None
    language2: Text8 | None = None
    personal_message: MessageContent | None = None


class TransactionEventResponse(Extensible, frozen=True, kw_only=True):
    total_cost: Number | None = None
    charging_priority: Whole | None = None
    id_token_info: IdTokenInfo | None = None
    updated_personal_message: MessageContent | None = None
