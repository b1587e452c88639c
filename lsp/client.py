"""What the connected client can do, asked once. Every reply is shaped by these flags, never by the client's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from lsprotocol import types as lsp
from pygls.capabilities import ServerCapabilitiesBuilder, get_capability

from .convert import Encoding

NOTIFICATIONS = frozenset({"testTree", "testRun", "testResult", "testCoverage", "status", "candidates", "explanation"})


@dataclass(frozen=True, slots=True)
class Client:
    """A bare client: the least that the protocol guarantees."""

    encoding: Encoding = Encoding.UTF16
    pulls: bool = False
    """Diagnostics are asked for, and the client can be told to ask again. Otherwise they are pushed."""
    related: bool = False
    diagnostic_data: bool = False
    links_codes: bool = False
    """A diagnostic's code may lead to what describes it."""
    diagnostic_versions: bool = False
    """Pushed diagnostics may say which version of the document they are for."""
    markdown: bool = False
    document_changes: bool = False
    """Edits may carry the version of the document."""
    applies_edits: bool = False
    creates_files: bool = False
    """An edit may make a new file."""
    asks: bool = False
    """Messages may have buttons."""
    progress: bool = False
    action_literals: bool = False
    """Code actions may be more than commands."""
    preferred: bool = False
    disabled: bool = False
    llm_tag: bool = False
    refreshes_lenses: bool = False
    refreshes_hints: bool = False
    resolves_edits: bool = False
    """A code action's edit may come later, when the user chose the action."""
    annotations: bool = False
    """Edits may ask for the user's confirmation, part by part."""
    virtual_documents: bool = False
    """The client can ask for the content of a `darner:` document, and can be told to show it."""
    configuration: bool = False
    """Settings can be asked for."""
    registers_configuration: bool = False
    completes_inline: bool = False
    registers_inline: bool = False
    registers_completion: bool = False
    told: frozenset[str] = frozenset()
    """Names of the custom notifications that the client asked for, as `testResult` (docs/lsp.md)."""


def client_of(capabilities: lsp.ClientCapabilities) -> Client:
    def can(name: str) -> bool:
        return bool(get_capability(capabilities, name, False))

    pulls = get_capability(capabilities, "text_document.diagnostic", None) is not None
    pulls = pulls and can("workspace.diagnostics.refresh_support")
    channel = "text_document.diagnostic" if pulls else "text_document.publish_diagnostics"
    formats = get_capability(capabilities, "text_document.hover.content_format", None) or ()
    tags = get_capability(capabilities, "text_document.code_action.tag_support.value_set", None) or ()
    resolved = get_capability(capabilities, "text_document.code_action.resolve_support.properties", None) or ()
    made = get_capability(capabilities, "workspace.workspace_edit.resource_operations", None) or ()
    return Client(
        encoding=Encoding(ServerCapabilitiesBuilder.choose_position_encoding(capabilities)),
        pulls=pulls,
        related=can(f"{channel}.related_information"),
        diagnostic_data=can(f"{channel}.data_support"),
        links_codes=can(f"{channel}.code_description_support"),
        diagnostic_versions=can("text_document.publish_diagnostics.version_support"),
        markdown=lsp.MarkupKind.Markdown in formats,
        document_changes=can("workspace.workspace_edit.document_changes"),
        applies_edits=can("workspace.apply_edit"),
        creates_files=lsp.ResourceOperationKind.Create in made and can("workspace.workspace_edit.document_changes"),
        asks=get_capability(capabilities, "window.show_message", None) is not None,
        progress=can("window.work_done_progress"),
        action_literals=get_capability(capabilities, "text_document.code_action.code_action_literal_support", None)
        is not None,
        preferred=can("text_document.code_action.is_preferred_support"),
        disabled=can("text_document.code_action.disabled_support"),
        llm_tag=lsp.CodeActionTag.LlmGenerated in tags,
        refreshes_lenses=can("workspace.code_lens.refresh_support"),
        refreshes_hints=can("workspace.inlay_hint.refresh_support"),
        resolves_edits="edit" in resolved and can("text_document.code_action.data_support"),
        annotations=get_capability(capabilities, "workspace.workspace_edit.change_annotation_support", None)
        is not None,
        virtual_documents=get_capability(capabilities, "workspace.text_document_content", None) is not None
        and can("window.show_document.support"),
        configuration=can("workspace.configuration"),
        registers_configuration=can("workspace.did_change_configuration.dynamic_registration"),
        completes_inline=get_capability(capabilities, "text_document.inline_completion", None) is not None,
        registers_inline=can("text_document.inline_completion.dynamic_registration"),
        registers_completion=can("text_document.completion.dynamic_registration"),
        told=_told(capabilities.experimental),
    )


def _told(experimental: object) -> frozenset[str]:
    """`experimental: {"darner": true}` asks for every custom notification, an object for those that are true in it."""
    wanted = _entry(experimental, "darner")
    if wanted is True:
        return NOTIFICATIONS
    return frozenset(name for name in NOTIFICATIONS if _entry(wanted, name) is True)


def _entry(value: object, key: str) -> object:
    """From a mapping, or from the object with attributes that pygls makes of one."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(key)
    return cast(object, getattr(value, key, None))
