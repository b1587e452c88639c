"""What the connected client can do, asked once. Every reply is shaped by these flags, never by the client's name."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types as lsp
from pygls.capabilities import ServerCapabilitiesBuilder, get_capability

from .convert import Encoding


@dataclass(frozen=True, slots=True)
class Client:
    """A bare client: the least that the protocol guarantees."""

    encoding: Encoding = Encoding.UTF16
    pulls: bool = False
    """Diagnostics are asked for, and the client can be told to ask again. Otherwise they are pushed."""
    related: bool = False
    diagnostic_data: bool = False
    diagnostic_versions: bool = False
    """Pushed diagnostics may say which version of the document they are for."""
    markdown: bool = False
    document_changes: bool = False
    """Edits may carry the version of the document."""
    applies_edits: bool = False
    progress: bool = False
    action_literals: bool = False
    """Code actions may be more than commands."""
    preferred: bool = False
    disabled: bool = False
    llm_tag: bool = False
    refreshes_lenses: bool = False


def client_of(capabilities: lsp.ClientCapabilities) -> Client:
    def can(name: str) -> bool:
        return bool(get_capability(capabilities, name, False))

    pulls = get_capability(capabilities, "text_document.diagnostic", None) is not None
    pulls = pulls and can("workspace.diagnostics.refresh_support")
    channel = "text_document.diagnostic" if pulls else "text_document.publish_diagnostics"
    formats = get_capability(capabilities, "text_document.hover.content_format", None) or ()
    tags = get_capability(capabilities, "text_document.code_action.tag_support.value_set", None) or ()
    return Client(
        encoding=Encoding(ServerCapabilitiesBuilder.choose_position_encoding(capabilities)),
        pulls=pulls,
        related=can(f"{channel}.related_information"),
        diagnostic_data=can(f"{channel}.data_support"),
        diagnostic_versions=can("text_document.publish_diagnostics.version_support"),
        markdown=lsp.MarkupKind.Markdown in formats,
        document_changes=can("workspace.workspace_edit.document_changes"),
        applies_edits=can("workspace.apply_edit"),
        progress=can("window.work_done_progress"),
        action_literals=get_capability(capabilities, "text_document.code_action.code_action_literal_support", None)
        is not None,
        preferred=can("text_document.code_action.is_preferred_support"),
        disabled=can("text_document.code_action.disabled_support"),
        llm_tag=lsp.CodeActionTag.LlmGenerated in tags,
        refreshes_lenses=can("workspace.code_lens.refresh_support"),
    )
