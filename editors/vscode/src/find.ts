/** Where the server and the project's Python are. Looks only; starts nothing and changes nothing. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import * as vscode from 'vscode'

const NAME = 'darner-lsp'

export interface Place {
  readonly path: string
  /** How it was found, for the log. */
  readonly why: string
}

/** The setting, `PATH`, the workspace's own environment, then the one made by this extension. */
export async function findServer(made: vscode.Uri): Promise<Place | undefined> {
  const wanted = vscode.workspace.getConfiguration('darner').get<string>('serverPath', '')
  if (wanted !== '') return { path: resolved(wanted), why: 'darner.serverPath' }
  for (const place of candidates(made)) {
    if (await runs(place.path)) return place
  }
  return undefined
}

function candidates(made: vscode.Uri): Place[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  // a workspace that is not trusted yet must not choose what runs
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : []
  return [
    ...path.map((folder) => ({ path: join(folder, NAME), why: 'PATH' })),
    ...folders.map((folder) => ({ path: join(folder.uri.fsPath, '.venv', 'bin', NAME), why: 'the workspace' })),
    { path: environmentServer(made), why: 'its own environment' },
  ]
}

export function environmentServer(made: vscode.Uri): string {
  return join(made.fsPath, 'bin', NAME)
}

export async function runs(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function resolved(path: string): string {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? ''
  return path.replace('${workspaceFolder}', folder).replace(/^~(?=\/)/, process.env.HOME ?? '~')
}
