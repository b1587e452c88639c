/** The interpreter that the user selected, where an extension that knows it is installed. Never needed. */
import * as vscode from 'vscode'

interface Environments {
  getEnvironment(scope: vscode.Uri | undefined): Promise<{ execInfo?: { run?: { executable?: string } } } | undefined>
  onDidChangeEnvironment?: vscode.Event<unknown>
}

interface Python {
  environments?: {
    getActiveEnvironmentPath(scope?: vscode.Uri): { path: string }
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>
  }
}

/**
 * The setting, else the environment of this folder, whoever selected it: that extension does not say. Undefined: the
 * project's own, else the server finds one.
 */
export async function findInterpreter(
  log: vscode.LogOutputChannel,
  folder: vscode.Uri | undefined,
): Promise<string | undefined> {
  const wanted = vscode.workspace.getConfiguration('darner', folder).get<string>('interpreter', '')
  if (wanted !== '') return wanted
  try {
    const environments = await exportsOf<Environments>('ms-python.vscode-python-envs')
    const selected = (await environments?.getEnvironment(folder))?.execInfo?.run?.executable
    if (selected !== undefined) return selected
    const python = await exportsOf<Python>('ms-python.python')
    const path = python?.environments?.getActiveEnvironmentPath(folder).path
    return path?.includes('/') ? path : undefined
  } catch (error) {
    log.warn(`the Python extension did not say its environment: ${String(error)}`)
    return undefined
  }
}

/** Told when the user selects another environment. */
export async function watchInterpreter(changed: () => unknown): Promise<vscode.Disposable> {
  const environments = await exportsOf<Environments>('ms-python.vscode-python-envs')
  const python = await exportsOf<Python>('ms-python.python')
  return vscode.Disposable.from(
    ...[environments?.onDidChangeEnvironment, python?.environments?.onDidChangeActiveEnvironmentPath]
      .filter((event) => event !== undefined)
      .map((event) => event(changed)),
  )
}

async function exportsOf<T>(id: string): Promise<T | undefined> {
  return vscode.extensions.getExtension<T | undefined>(id)?.activate()
}
