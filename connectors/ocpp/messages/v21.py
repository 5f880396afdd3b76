"""OCPP 2.1, edition 1 (part 2): what 2.0.1 has otherwise, or has not."""

from typing import Annotated, Literal

from msgspec import Meta

from connectors.ocpp.messages.payload import (
    Count,
    Extensible,
    Number,
    OneOrMore,
    Ordinal,
    Phase,
    ReadingContext,
    Text8,
    Text20,
    Text36,
    Text50,
    Text60,
    Text255,
    Text500,
    Text1024,
    Text2500,
    Text32768,
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
from connectors.ocpp.messages.v21_costs import CostDetails, TransactionLimit


class StatusInfo(Extensible, frozen=True, kw_only=True):
    reason_code: Text20
    additional_info: Text1024 | None = None


class BootNotificationResponse(Extensible, frozen=True, kw_only=True):
    current_time: str
    interval: Whole
    status: RegistrationStatus
    status_info: StatusInfo | None = None


Measurand = Literal[
    "Current.Export",
    "Current.Export.Minimum",
    "Current.Export.Offered",
    "Current.Import",
    "Current.Import.Minimum",
    "Current.Import.Offered",
    "Current.Offered",
    "Display.BatteryEnergyCapacity",
    "Display.ChargingComplete",
    "Display.InletHot",
    "Display.MaximumSOC",
    "Display.MinimumSOC",
    "Display.PresentSOC",
    "Display.RemainingTimeToMaximumSOC",
    "Display.RemainingTimeToMinimumSOC",
    "Display.RemainingTimeToTargetSOC",
    "Display.TargetSOC",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.CableLoss",
    "Energy.Active.Import.Interval",
    "Energy.Active.Import.LocalGeneration.Register",
    "Energy.Active.Import.Register",
    "Energy.Active.Net",
    "Energy.Active.Setpoint.Interval",
    "Energy.Apparent.Export",
    "Energy.Apparent.Import",
    "Energy.Apparent.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Energy.Reactive.Net",
    "EnergyRequest.Bulk",
    "EnergyRequest.Maximum",
    "EnergyRequest.Maximum.V2X",
    "EnergyRequest.Minimum",
    "EnergyRequest.Minimum.V2X",
    "EnergyRequest.Target",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Active.Residual",
    "Power.Active.Setpoint",
    "Power.Export.Minimum",
    "Power.Export.Offered",
    "Power.Factor",
    "Power.Import.Minimum",
    "Power.Import.Offered",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
    "Voltage.Maximum",
    "Voltage.Minimum",
]
Location = Literal["Body", "Cable", "EV", "Inlet", "Outlet", "Upstream"]


class SignedMeterValue(Extensible, frozen=True, kw_only=True):
    signed_meter_data: Text32768
    encoding_method: Text50
    signing_method: Text50 | None = None
    public_key: Text2500 | None = None


class SampledValue(Extensible, frozen=True, kw_only=True):
    value: Number
    measurand: Measurand | None = None
    context: ReadingContext | None = None
    phase: Phase | None = None
    location: Location | None = None
    signed_meter_value: SignedMeterValue | None = None
    unit_of_measure: UnitOfMeasure | None = None


class MeterValue(Extensible, frozen=True, kw_only=True):
    sampled_value: OneOrMore[SampledValue]
    timestamp: str


class MeterValues(Extensible, frozen=True, kw_only=True):
    evse_id: Count
    meter_value: OneOrMore[MeterValue]


class Evse(Extensible, frozen=True, kw_only=True):
    id: Count
    connector_id: Count | None = None


class Component(Extensible, frozen=True, kw_only=True):
    name: Text50
    evse: Evse | None = None
    instance: Text50 | None = None


class EventData(Extensible, frozen=True, kw_only=True):
    event_id: Count
    timestamp: str
    trigger: EventTrigger
    actual_value: Text2500
    component: Component
    event_notification_type: EventNotification
    variable: Variable
    cause: Count | None = None
    tech_code: Text50 | None = None
    tech_info: Text500 | None = None
    cleared: bool | None = None
    transaction_id: Text36 | None = None
    variable_monitoring_id: Count | None = None
    severity: Count | None = None


class NotifyEvent(Extensible, frozen=True, kw_only=True):
    generated_at: str
    seq_no: Count
    event_data: OneOrMore[EventData]
    tbc: bool | None = None


class AdditionalInfo(Extensible, frozen=True, kw_only=True):
    additional_id_token: Text255
    type: Text50


class IdToken(Extensible, frozen=True, kw_only=True):
    id_token: Text255
    type: Text20
    additional_info: OneOrMore[AdditionalInfo] | None = None


class RequestStartTransaction(Extensible, frozen=True, kw_only=True):
    id_token: IdToken
    remote_start_id: Whole
    evse_id: Ordinal | None = None
    group_id_token: IdToken | None = None
    charging_profile: Unread | None = None


class RequestStartTransactionResponse(Extensible, frozen=True, kw_only=True):
    status: RequestStartStopStatus
    status_info: StatusInfo | None = None
    transaction_id: Text36 | None = None


class StatusNotification(Extensible, frozen=True, kw_only=True):
    timestamp: str
    connector_status: ConnectorStatus
    evse_id: Count
    connector_id: Count


TriggerReason = Literal[
    "AbnormalCondition",
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "CostLimitReached",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "EVDeparted",
    "EVDetected",
    "LimitSet",
    "MeterValueClock",
    "MeterValuePeriodic",
    "OperationModeChanged",
    "RemoteStart",
    "RemoteStop",
    "ResetCommand",
    "RunningCost",
    "SignedDataReceived",
    "SoCLimitReached",
    "StopAuthorized",
    "TariffChanged",
    "TariffNotAccepted",
    "TimeLimitReached",
    "Trigger",
    "TxResumed",
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
    "ReqEnergyTransferRejected",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
]
OperationMode = Literal[
    "CentralFrequency",
    "CentralSetpoint",
    "ChargingOnly",
    "ExternalLimits",
    "ExternalSetpoint",
    "Idle",
    "LocalFrequency",
    "LocalLoadBalancing",
]


class Transaction(Extensible, frozen=True, kw_only=True):
    transaction_id: Text36
    charging_state: ChargingState | None = None
    time_spent_charging: Whole | None = None
    stopped_reason: StoppedReason | None = None
    remote_start_id: Whole | None = None
    operation_mode: OperationMode | None = None
    tariff_id: Text60 | None = None
    transaction_limit: TransactionLimit | None = None


PreconditioningStatus = Literal["NotReady", "Preconditioning", "Ready", "Unknown"]


class TransactionEvent(Extensible, frozen=True, kw_only=True):
    event_type: EventKind
    timestamp: str
    trigger_reason: TriggerReason
    seq_no: Count
    transaction_info: Transaction
    cost_details: CostDetails | None = None
    meter_value: OneOrMore[MeterValue] | None = None
    offline: bool | None = None
    number_of_phases_used: Annotated[int, Meta(ge=0, le=3)] | None = None
    cable_max_current: Whole | None = None
    reservation_id: Count | None = None
    preconditioning_status: PreconditioningStatus | None = None
    evse_sleep: bool | None = None
    evse: Evse | None = None
    id_token: IdToken | None = None


MessageFormat = Literal["ASCII", "HTML", "QRCODE", "URI", "UTF8"]


class MessageContent(Extensible, frozen=True, kw_only=True):
    format: MessageFormat
    content: Text1024
    language: Text8 | None = None


class IdTokenInfo(Extensible, frozen=True, kw_only=True):
    status: AuthorizationStatus
    cache_expiry_date_time: str | None = None
    charging_priority: Whole | None = None
    group_id_token: IdToken | None = None
    language1: Text8 | None = None
    language2: Text8 | None = None
    evse_id: OneOrMore[Count] | None = None
    personal_message: MessageContent | None = None


class TransactionEventResponse(Extensible, frozen=True, kw_only=True):
    total_cost: Number | None = None
    charging_priority: Whole | None = None
    id_token_info: IdTokenInfo | None = None
    transaction_limit: TransactionLimit | None = None
    updated_personal_message: MessageContent | None = None
    updated_personal_message_extra: (
        Annotated[tuple[MessageContent, ...], Meta(min_length=1, max_length=4)] | None
    ) = None
