"""The tables. docs/glossary.md says what one row of each is."""

from conversations.models.calls import Call, Purpose, UsageSource
from conversations.models.conversations import Conversation, TitleSource
from conversations.models.files import Attachment, MadeBy, StoredFile
from conversations.models.gateway import GatewayKey, KeyModel, KeySource, Model, Wire
from conversations.models.generations import (
    UNFINISHED,
    EngineProcess,
    Generation,
    GenerationEvent,
    GenerationState,
)
from conversations.models.messages import Message, Part, PartKind, Role
from conversations.models.sends import Send, SendKind
from conversations.models.settings import Setting
from conversations.models.tool_calls import ToolApproval, ToolCall, ToolCallState
from conversations.models.users import Theme, User

__all__ = [
    "UNFINISHED",
    "Attachment",
    "Call",
    "Conversation",
    "EngineProcess",
    "GatewayKey",
    "Generation",
    "GenerationEvent",
    "GenerationState",
    "KeyModel",
    "KeySource",
    "MadeBy",
    "Message",
    "Model",
    "Part",
    "PartKind",
    "Purpose",
    "Role",
    "Send",
    "SendKind",
    "Setting",
    "StoredFile",
    "Theme",
    "TitleSource",
    "ToolApproval",
    "ToolCall",
    "ToolCallState",
    "UsageSource",
    "User",
    "Wire",
]
