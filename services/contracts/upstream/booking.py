"""Payment and appointment. Sections `pay.` and `appt.`."""

from services.contracts.fields import Code, OpenCode, Rupiah, Text, Time, keep, token
from services.contracts.upstream.base import UpstreamData


class Payment(UpstreamData):
    """Billing paid, or its two hours passed."""

    TYPES = ("payment.received", "payment.expired")
    PREFIX = "pay"

    billing_id: Code = keep("billing code", cls="N", required=True)
    paid_at: Time | None = keep("time of payment", cls="N")
    amount: Rupiah | None = keep("amount, IDR", cls="N")
    channel: OpenCode | None = keep("payment channel, incl. marketplace and minimarket", cls="N")
    payer_account: Text | None = token("account", "account that paid")


class Appointment(UpstreamData):
    """Slot chosen, moved, or missed."""

    TYPES = ("appointment.booked", "appointment.rescheduled", "appointment.no_show")
    PREFIX = "appt"

    slot_at: Time = keep("time of the visit", cls="N", required=True)
    booked_at: Time | None = keep("time of booking", cls="N")
    device: Text | None = token("device", "device that booked")
    ip: Text | None = token(
        "ip_prefix", "address that booked; only its /24 or /48 is tokenised", leaves_as="ip_prefix_token"
    )
