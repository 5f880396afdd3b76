"""Which actions there are in each version, and what their requests and responses are made of."""

from typing import Literal

from connectors.ocpp.messages import v2, v16, v21, v21_costs, v201
from connectors.ocpp.messages.payload import Payload

Version = Literal["1.6", "2.0.1", "2.1"]

REQUESTS: dict[Version, dict[str, type[Payload]]] = {
    "1.6": {
        "Authorize": v16.Authorize,
        "BootNotification": v16.BootNotification,
        "Heartbeat": v16.Heartbeat,
        "MeterValues": v16.MeterValues,
        "RemoteStartTransaction": v16.RemoteStartTransaction,
        "StartTransaction": v16.StartTransaction,
        "StatusNotification": v16.StatusNotification,
        "StopTransaction": v16.StopTransaction,
    },
    "2.0.1": {
        "BootNotification": v2.BootNotification,
        "CostUpdated": v2.CostUpdated,
        "Heartbeat": v2.Heartbeat,
        "MeterValues": v201.MeterValues,
        "NotifyEvent": v201.NotifyEvent,
        "RequestStartTransaction": v201.RequestStartTransaction,
        "SecurityEventNotification": v2.SecurityEventNotification,
        "StatusNotification": v201.StatusNotification,
        "TransactionEvent": v201.TransactionEvent,
    },
    "2.1": {
        "BootNotification": v2.BootNotification,
        "CostUpdated": v2.CostUpdated,
        "Heartbeat": v2.Heartbeat,
        "MeterValues": v21.MeterValues,
        "NotifyEvent": v21.NotifyEvent,
        "NotifySettlement": v21_costs.NotifySettlement,
        "RequestStartTransaction": v21.RequestStartTransaction,
        "SecurityEventNotification": v2.SecurityEventNotification,
        "StatusNotification": v21.StatusNotification,
        "TransactionEvent": v21.TransactionEvent,
    },
}
RESPONSES: dict[Version, dict[str, type[Payload]]] = {
    "1.6": {
        "Authorize": v16.AuthorizeResponse,
        "BootNotification": v16.BootNotificationResponse,
        "Heartbeat": v16.HeartbeatResponse,
        "MeterValues": v16.MeterValuesResponse,
        "RemoteStartTransaction": v16.RemoteStartTransactionResponse,
        "StartTransaction": v16.StartTransactionResponse,
        "StatusNotification": v16.StatusNotificationResponse,
        "StopTransaction": v16.StopTransactionResponse,
    },
    "2.0.1": {
        "BootNotification": v201.BootNotificationResponse,
        "CostUpdated": v2.CostUpdatedResponse,
        "Heartbeat": v2.HeartbeatResponse,
        "MeterValues": v2.MeterValuesResponse,
        "NotifyEvent": v2.NotifyEventResponse,
        "RequestStartTransaction": v201.RequestStartTransactionResponse,
        "SecurityEventNotification": v2.SecurityEventNotificationResponse,
        "StatusNotification": v2.StatusNotificationResponse,
        "TransactionEvent": v201.TransactionEventResponse,
    },
    "2.1": {
        "BootNotification": v21.BootNotificationResponse,
        "CostUpdated": v2.CostUpdatedResponse,
        "Heartbeat": v2.HeartbeatResponse,
        "MeterValues": v2.MeterValuesResponse,
        "NotifyEvent": v2.NotifyEventResponse,
        "NotifySettlement": v21_costs.NotifySettlementResponse,
        "RequestStartTransaction": v21.RequestStartTransactionResponse,
        "SecurityEventNotification": v2.SecurityEventNotificationResponse,
        "StatusNotification": v2.StatusNotificationResponse,
        "TransactionEvent": v21.TransactionEventResponse,
    },
}
_SKIPPED_2 = frozenset(
    """
        Authorize CancelReservation CertificateSigned ChangeAvailability ClearCache
        ClearChargingProfile ClearDisplayMessage ClearVariableMonitoring
        ClearedChargingLimit CustomerInformation DataTransfer DeleteCertificate
        FirmwareStatusNotification Get15118EVCertificate GetBaseReport
        GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDisplayMessages
        GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport
        GetReport GetTransactionStatus GetVariables InstallCertificate
        LogStatusNotification NotifyChargingLimit NotifyCustomerInformation
        NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule
        NotifyMonitoringReport NotifyReport PublishFirmware
        PublishFirmwareStatusNotification ReportChargingProfiles RequestStopTransaction
        ReservationStatusUpdate ReserveNow Reset SendLocalList SetChargingProfile
        SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile
        SetVariableMonitoring SetVariables SignCertificate TriggerMessage
        UnlockConnector UnpublishFirmware UpdateFirmware
    """.split()
)
# Known by name; nothing in them bears on money, proof or silence.
SKIPPED: dict[Version, frozenset[str]] = {
    "1.6": frozenset(
        """
        CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration
        ClearCache ClearChargingProfile DataTransfer DeleteCertificate
        DiagnosticsStatusNotification ExtendedTriggerMessage FirmwareStatusNotification
        GetCompositeSchedule GetConfiguration GetDiagnostics GetInstalledCertificateIds
        GetLocalListVersion GetLog InstallCertificate LogStatusNotification
        RemoteStopTransaction ReserveNow Reset SecurityEventNotification SendLocalList
        SetChargingProfile SignCertificate SignedFirmwareStatusNotification
        SignedUpdateFirmware TriggerMessage UnlockConnector UpdateFirmware
        """.split()
    ),
    "2.0.1": _SKIPPED_2,
    "2.1": _SKIPPED_2
    | frozenset(
        """
        AFRRSignal AdjustPeriodicEventStream BatterySwap ChangeTransactionTariff
        ClearDERControl ClearTariffs ClosePeriodicEventStream GetCertificateChainStatus
        GetDERControl GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer
        NotifyDERAlarm NotifyDERStartStop NotifyPeriodicEventStream
        NotifyPriorityCharging NotifyWebPaymentStarted OpenPeriodicEventStream
        PullDynamicScheduleUpdate ReportDERControl RequestBatterySwap SetDERControl
        SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging VatNumberValidation
        """.split()
    ),
}
