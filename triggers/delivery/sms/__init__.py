"""SMS providers: one file each."""

from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage, SMSResult

__all__ = ["BaseSMSBackend", "SMSMessage", "SMSResult"]
