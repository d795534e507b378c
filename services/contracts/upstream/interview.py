"""interview.completed: the officer saved the structured form. Section `int.`. No field for gesture, nervousness or looks exists."""

from typing import Annotated

from pydantic import Field

from services.contracts import enums as e
from services.contracts.fields import (
    Code,
    Count,
    Country,
    OpenCode,
    PersonRef,
    Rupiah,
    Text,
    keep,
    nested,
    person,
    seal,
    token,
)  # fmt: skip
from services.contracts.upstream.application import Companion
from services.contracts.upstream.base import UpstreamData


class InterviewCompleted(UpstreamData):
    """Structured answers of the interview. A question that was not asked is absent, not false."""

    TYPES = ("interview.completed",)
    PREFIX = "int"

    interview_level: e.InterviewLevel | None = keep("form used", cls="N")
    officer: Text | None = token("officer", "officer who interviewed", cls="O")
    duration_s: Count | None = keep("length, seconds", cls="N")
    purpose_confirmed: e.ConfirmedPurpose | None = keep("purpose as told in the interview")
    employer_known: bool | None = keep("can name the employer")
    job_known: bool | None = keep("can describe the job")
    worksite_known: bool | None = keep("can name the place of work")
    job_sector: e.JobSector | None = keep("sector of the job")
    wage_claimed_idr: Rupiah | None = keep("promised wage, IDR a month", cls="S")
    wage_source: OpenCode | None = keep("where the figure comes from", cls="S")
    skill_required: bool | None = keep("a skill or certificate is required")
    payer: e.Payer | None = keep("who pays for the journey", cls="S")
    cost_paid_idr: Rupiah | None = keep("paid so far, IDR", cls="S")
    fee_to: e.FeeTo | None = keep("to whom it was paid", cls="S")
    fee_receipt: bool | None = keep("there is a receipt", cls="S")
    debt_idr: Rupiah | None = keep("debt for the journey, IDR", cls="S")
    debt_to: e.DebtTo | None = keep("lender", cls="S")
    debt_repay: e.DebtRepay | None = keep("way of repayment or collateral", cls="S")
    docs_holder: e.DocsHolder | None = keep("who keeps the papers")
    recruiter_channel: e.RecruiterChannel | None = keep("how the recruiter was found")
    recruiter_met: bool | None = keep("the recruiter was met in person")
    recruiter: PersonRef | None = person("recruiter")
    lpk: PersonRef | None = person("training institute")
    lpk_license_no: Code | None = keep("licence number of the training institute", cls="N")
    host_relation: OpenCode | None = keep('relation of the host, incl. "tidak tahu"')
    dest_countries: list[Country] | None = keep("countries as told", max_length=50)
    stay_days: Count | None = keep("stay as told, days")
    companions: list[Companion] | None = nested("companions as told")
    knows_itinerary: Annotated[int, Field(ge=0, le=3)] | None = keep("0 nothing … 3 everything")
    return_ticket: bool | None = keep("has a return ticket")
    family_informed: bool | None = keep("the family knows of the plan")
    contract_seen: bool | None = keep("has seen a contract")
    contract_language_understood: bool | None = keep("understands the language of the contract")
    penalty_if_cancel: bool | None = keep("must pay if the journey is cancelled")
    told_what_to_say: bool | None = keep("was told what to say", cls="C")
    told_to_change_visa: bool | None = keep("was told to change the visa after arrival", cls="C")
    threat_disclosed: bool | None = keep("told of a threat", cls="C")
    wants_help: bool | None = keep("asks for help", cls="C")
    spoke_freely: bool | None = keep("could speak without the escort", cls="C")
    medical_test_via_recruiter: bool | None = keep("medical tests were arranged by the recruiter")
    transit_plan: Text | None = seal("transit plan as told")
    group_size: Count | None = keep("people who travel together", cls="N")
    support_need: list[OpenCode] | None = keep("ticks: language, literacy, disability", cls="S", max_length=10)
    note_codes: list[OpenCode] | None = keep(
        "coded notes: donor, operasi, menikah, broker_hadir …", cls="S", max_length=50
    )
    free_text: Text | None = seal("free text; never leaves the vault", cls="C")
