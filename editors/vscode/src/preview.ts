/** Verified repairs as a diff, one at a time: next, apply, discard. Nothing is written before it is applied. */
import * as vscode from 'vscode'

import type { Found, Repair } from './protocol'
import type { Server } from './server'

const SCHEME = 'darner-repair'

export class Preview implements vscode.Disposable {
  readonly #server: Server
  readonly #texts = new Map<string, string>()
  readonly #disposables: vscode.Disposable[]
  #found: Found | undefined
  #index = 0
  #shows = 0

  constructor(server: Server) {
    this.#server = server
    this.#disposables = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
        provideTextDocumentContent: (uri) => this.#texts.get(uri.toString()) ?? '',
      }),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (closed.some((tab) => showOf(tab) !== undefined) && previews().length === 0) this.#forget()
      }),
    ]
  }

  dispose(): void {
    for (const each of this.#disposables) each.dispose()
  }

  async open(found: Found, index: number): Promise<void> {
    this.#found = found
    await this.#show(index)
  }

  async next(): Promise<void> {
    if (this.#found !== undefined) await this.#show((this.#index + 1) % this.#found.repairs.length)
  }

  async discard(): Promise<void> {
    await this.#close()
    this.#forget()
  }

  /** The server sends the edit, and refuses if the text has moved on. */
  async apply(): Promise<void> {
    const found = this.#found
    const repair = found?.repairs[this.#index]
    if (found === undefined || repair === undefined) return
    const edit = await this.#edit(repair)
    const files = edit?.entries().map(([uri]) => uri) ?? []
    const dirty = new Set(openDocuments(files).filter((each) => each.isDirty))
    await this.#close()
    this.#forget()
    const first = edit?.entries()[0]
    if (first !== undefined) {
      await vscode.window.showTextDocument(first[0], { preview: false, ...(first[1][0] && { selection: first[1][0].range }) })
    }
    await this.#server.finish('darner.applyRepair', { nodeid: found.nodeid, root: found.root, index: repair.index })
    if (!vscode.workspace.getConfiguration('darner').get<boolean>('saveOnApply', true)) return
    for (const document of openDocuments(files)) {
      if (document.isDirty && !dirty.has(document)) await document.save()
    }
  }

  async #show(index: number): Promise<void> {
    const found = this.#found
    const repair = found?.repairs[index]
    if (found === undefined || repair === undefined) return
    const edit = await this.#edit(repair)
    if (edit === undefined) {
      void vscode.window.showWarningMessage(repair.refused)
      return
    }
    this.#shows += 1
    const show = this.#shows
    const sides: [vscode.Uri, vscode.Uri, vscode.Uri][] = []
    for (const [uri, edits] of edit.entries()) {
      const document = await vscode.workspace.openTextDocument(uri)
      // another URI each time: the text behind one must not change while it is shown
      const repaired = uri.with({ scheme: SCHEME, query: String(show) })
      this.#texts.set(repaired.toString(), changed(document, edits))
      sides.push([uri, uri, repaired])
    }
    this.#index = index
    await this.#contexts(true, found.repairs.length)
    await diff(titleOf(found, index), sides)
    await vscode.window.tabGroups.close(previews(show)) // asked for now: VS Code refuses a tab that was closed meanwhile
    if (repair.doubt !== '') void vscode.window.showWarningMessage(vscode.l10n.t('This repair passes, but: {0}', repair.doubt))
  }

  async #edit(repair: Repair): Promise<vscode.WorkspaceEdit | undefined> {
    return repair.edit === null ? undefined : await this.#server.edit(repair.edit)
  }

  async #close(): Promise<void> {
    await vscode.window.tabGroups.close(previews())
  }

  #forget(): void {
    this.#found = undefined
    this.#texts.clear()
    void this.#contexts(false, 0)
  }

  async #contexts(previewing: boolean, candidates: number): Promise<void> {
    await vscode.commands.executeCommand('setContext', 'darner.previewing', previewing)
    await vscode.commands.executeCommand('setContext', 'darner.candidates', candidates)
  }
}

async function diff(title: string, sides: [vscode.Uri, vscode.Uri, vscode.Uri][]): Promise<void> {
  const [only, ...others] = sides
  if (only !== undefined && others.length === 0) {
    await vscode.commands.executeCommand('vscode.diff', only[1], only[2], title, { preview: false })
  } else {
    await vscode.commands.executeCommand('vscode.changes', title, sides)
  }
}

function titleOf(found: Found, index: number): string {
  const { description = '', evidence = '' } = found.repairs[index] ?? {}
  return vscode.l10n.t('Repair {0} of {1}: {2} ({3})', index + 1, found.repairs.length, description, evidence)
}

/** Hunks from the end to the start, so that earlier offsets stay true. */
function changed(document: vscode.TextDocument, edits: readonly vscode.TextEdit[]): string {
  let text = document.getText()
  for (const edit of [...edits].sort((a, b) => b.range.start.compareTo(a.range.start))) {
    text = text.slice(0, document.offsetAt(edit.range.start)) + edit.newText + text.slice(document.offsetAt(edit.range.end))
  }
  return text
}

/** The number of the preview that a tab shows; undefined: none. */
function showOf({ input }: vscode.Tab): number | undefined {
  // a diff of several files has no class of its own in the API yet; its parts are listed
  const several = (input as { textDiffs?: readonly vscode.TabInputTextDiff[] } | undefined)?.textDiffs
  const parts = input instanceof vscode.TabInputTextDiff ? [input] : several
  const ours = parts?.find(({ modified }) => modified.scheme === SCHEME)
  return ours && Number(ours.modified.query)
}

/** The tabs of previews that are older than one; of all, without that. */
function previews(than = Infinity): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.filter((tab) => (showOf(tab) ?? Infinity) < than))
}

function openDocuments(uris: readonly vscode.Uri[]): vscode.TextDocument[] {
  return vscode.workspace.textDocuments.filter((each) => uris.some((uri) => uri.toString() === each.uri.toString()))
}
