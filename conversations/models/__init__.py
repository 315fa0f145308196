"""The tables. docs/glossary.md says what one row of each is."""

from conversations.models.accounts import Invite, ResetRequest, SignIn
from conversations.models.audit import Alert, AuditEntry
from conversations.models.calls import Call, Purpose, UsageSource
from conversations.models.conversations import Conversation, TitleSource
from conversations.models.drafts import Draft, PendingSend, WaitingQuestion
from conversations.models.files import Attachment, MadeBy, StoredFile
from conversations.models.gateway import (
    GatewayKey,
    KeyCooldown,
    KeyModel,
    KeySource,
    Model,
    ModelDefault,
    Wire,
)
from conversations.models.generations import (
    UNFINISHED,
    EngineProcess,
    Generation,
    GenerationEvent,
    GenerationState,
    Hint,
)
from conversations.models.messages import Message, Part, PartKind, Role
from conversations.models.money import (
    USAGE_PLACE,
    USAGE_SUMS,
    Cut,
    ModelProposal,
    Price,
    PriceProposal,
    PriceSource,
    ProposalState,
    Tariff,
    UsageCut,
    UsageDay,
)
from conversations.models.prompts import Assistant, Prompt
from conversations.models.search import SearchEntry, StaleEntry
from conversations.models.sends import Send, SendKind
from conversations.models.settings import Setting
from conversations.models.steering import Comparison, Summary
from conversations.models.tool_calls import ToolApproval, ToolCall, ToolCallState
from conversations.models.users import Theme, User

__all__ = [
    "UNFINISHED",
    "USAGE_PLACE",
    "USAGE_SUMS",
    "Alert",
    "Assistant",
    "Attachment",
    "AuditEntry",
    "Call",
    "Comparison",
    "Conversation",
    "Cut",
    "Draft",
    "EngineProcess",
    "GatewayKey",
    "Generation",
    "GenerationEvent",
    "GenerationState",
    "Hint",
    "Invite",
    "KeyCooldown",
    "KeyModel",
    "KeySource",
    "MadeBy",
    "Message",
    "Model",
    "ModelDefault",
    "ModelProposal",
    "Part",
    "PartKind",
    "PendingSend",
    "Price",
    "PriceProposal",
    "PriceSource",
    "Prompt",
    "ProposalState",
    "Purpose",
    "ResetRequest",
    "Role",
    "SearchEntry",
    "Send",
    "SendKind",
    "Setting",
    "SignIn",
    "StaleEntry",
    "StoredFile",
    "Summary",
    "Tariff",
    "Theme",
    "TitleSource",
    "ToolApproval",
    "ToolCall",
    "ToolCallState",
    "UsageCut",
    "UsageDay",
    "UsageSource",
    "User",
    "WaitingQuestion",
    "Wire",
]
