/** What the palette offers, besides repairing: models, the environment, doctor, log. */
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import * as vscode from 'vscode'

import { environmentServer, findServer, runs } from './find'
import type { Preview } from './preview'
import type { Status } from './protocol'
import { findInterpreter } from './python'
import type { Repairs } from './repairs'
import type { Server } from './server'

interface Model {
  readonly name: string
  readonly bytes: number
  readonly licence: string
  readonly installed: boolean
  readonly default: boolean
}

export function registerCommands(
  context: vscode.ExtensionContext,
  server: Server,
  repairs: Repairs,
  preview: Preview,
): vscode.Disposable[] {
  const commands: Record<string, (argument?: unknown) => unknown> = {
    runAllTests: () => runAllTests(server),
    explainTest: (argument) => repairs.explain(argument),
    repairTest: (argument) => repairs.repair(argument),
    showPreview: (argument) => repairs.show(argument),
    nextCandidate: () => preview.next(),
    applyCandidate: () => preview.apply(),
    discardCandidates: () => preview.discard(),
    undoRepair: () => server.execute('darner.undo', projectHere()),
    cancelAll: () => server.execute('darner.cancel'),
    chooseModel: () => chooseModel(server),
    createEnvironment: () => createEnvironment(context, server),
    doctor: () => doctor(server),
    restartServer: () => server.restart(),
    showLog: () => { server.log.show() },
    copyDiagnostics: () => copyDiagnostics(context, server),
  }
  return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`darner.${name}`, run))
}

/** Which project is meant, where several are open: that of the active document. */
function projectHere(): { uri?: string } {
  const uri = vscode.window.activeTextEditor?.document.uri
  return uri?.scheme === 'file' ? { uri: uri.toString() } : {}
}

/** Also before the tree is read, when VS Code's own command finds nothing to run. */
async function runAllTests(server: Server): Promise<void> {
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    await server.execute('darner.runTests', { root: folder.uri.fsPath })
  }
}

/** The command line of the same installation as the server. */
async function darner(server: Server): Promise<string | undefined> {
  const place = await findServer(server.environment)
  const path = place && join(dirname(place.path), 'darner')
  if (path !== undefined && (await runs(path))) return path
  void vscode.window.showWarningMessage(vscode.l10n.t('The command "darner" was not found beside the server.'))
  return undefined
}

async function doctor(server: Server): Promise<void> {
  const program = await darner(server)
  if (program === undefined) return
  const settings = vscode.workspace.getConfiguration('darner')
  const python = await findInterpreter(server.log, vscode.workspace.workspaceFolders?.[0]?.uri)
  const model = settings.get<string>('model', '')
  const options = [...(python === undefined ? [] : ['--python', python]), ...(model === '' || model === 'none' ? [] : ['--model', model])]
  await runTask(vscode.l10n.t('Darner: Doctor'), program, ['doctor', ...options])
}

/** Lists what the command line knows, and downloads only after the user agreed to the size. */
async function chooseModel(server: Server): Promise<void> {
  const program = await darner(server)
  if (program === undefined) return
  const { stdout } = await promisify(execFile)(program, ['model', 'list', '--json'])
  const { models } = JSON.parse(stdout) as { models: readonly Model[] }
  const gigabytes = (model: Model) => `${(model.bytes / 1e9).toFixed(1)} GB`
  const items = models.map((model) => ({
    label: model.name,
    description: [gigabytes(model), model.licence, model.installed ? vscode.l10n.t('on this machine') : vscode.l10n.t('not downloaded')].join(' · '),
    model,
  }))
  const none = { label: 'none', description: vscode.l10n.t('search only'), model: undefined }
  const chosen = await vscode.window.showQuickPick([...items, none], { title: vscode.l10n.t('Which model?') })
  if (chosen === undefined) return
  const { model } = chosen
  if (model?.installed === false) {
    const download = vscode.l10n.t('Download')
    const question = vscode.l10n.t('Download {0} ({1}, {2})? Its SHA-256 is checked.', model.name, gigabytes(model), model.licence)
    if ((await vscode.window.showInformationMessage(question, { modal: true }, download)) !== download) return
    if ((await runTask(vscode.l10n.t('Darner: Download'), program, ['model', 'pull', model.name])) !== 0) return
  }
  await vscode.workspace.getConfiguration('darner').update('model', chosen.label, vscode.ConfigurationTarget.Global)
}

/** pip into a folder of the extension's own, only when the user agreed. */
async function createEnvironment(context: vscode.ExtensionContext, server: Server): Promise<void> {
  const search = vscode.l10n.t('Create, for Search Alone')
  const model = vscode.l10n.t('Create, with Models')
  const detail = vscode.l10n.t(
    'An environment is made in {0}. pip installs the server that this extension brings, and downloads its packages (about 110 MB on disk) from your package index; Python 3.11 or newer is needed. For models, llama.cpp is compiled as well: about 10 minutes, with a C++ compiler.',
    server.environment.fsPath,
  )
  const title = vscode.l10n.t('Create an environment for Darner\'s server?')
  const chosen = await vscode.window.showInformationMessage(title, { modal: true, detail }, search, model)
  if (chosen === undefined) return
  const words = [context.asAbsolutePath(join('server', 'create.py')), server.environment.fsPath]
  if (chosen === model) words.push('--model')
  const code = await runTask(vscode.l10n.t('Darner: Create Environment'), 'python3', words)
  if (code === 0 && (await runs(environmentServer(server.environment)))) await server.restart()
}

async function copyDiagnostics(context: vscode.ExtensionContext, server: Server): Promise<void> {
  const place = await findServer(server.environment)
  const status = server.running ? await server.execute<Status>('darner.showStatus') : undefined
  const { version } = context.extension.packageJSON as { version: unknown }
  const facts = { extension: version, vscode: vscode.version, platform: process.platform, arch: process.arch, server: place ?? null, trusted: vscode.workspace.isTrusted, status: status ?? null }
  await vscode.env.clipboard.writeText(JSON.stringify(facts, undefined, 2))
  void vscode.window.showInformationMessage(vscode.l10n.t('Darner\'s diagnostics were copied. They name paths and tests, and hold no source.'))
}

/** In the terminal, where the user sees it; the exit code. */
async function runTask(title: string, program: string, words: readonly string[]): Promise<number | undefined> {
  const scope = vscode.workspace.workspaceFolders?.[0] ?? vscode.TaskScope.Workspace
  const task = new vscode.Task({ type: 'darner' }, scope, title, 'darner', new vscode.ProcessExecution(program, [...words]), [])
  task.presentationOptions = { focus: true, panel: vscode.TaskPanelKind.Dedicated }
  const execution = await vscode.tasks.executeTask(task)
  return new Promise((resolve) => {
    const ended = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution !== execution) return
      ended.dispose()
      resolve(event.exitCode)
    })
  })
}
