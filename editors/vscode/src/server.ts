/** The one connection to the server: found, started, restarted, told of trust, and asked. */
import * as vscode from 'vscode'
import type {
  ExecuteCommandSignature,
  LanguageClient,
  LanguageClientOptions,
  StaticFeature,
} from 'vscode-languageclient/node'

import { findServer } from './find'
import { ProgressView } from './progress'
import type { Ended, Started, Status, TestCoverage, TestResult, TestRun, TestTree } from './protocol'
import { findInterpreter, watchInterpreter } from './python'

type Handler = (argument: unknown) => unknown

const SERVER_SETTINGS = [
  'model',
  'budget',
  'sandbox',
  'enable',
  'runOnSave',
  'affectedTests',
  'watch',
  'codeLens',
  'inlayHints',
  'inlineCompletion',
  'keepPrompts',
  'keepExplanations',
  'completionModel',
  'snapshots',
]

export class Server implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext
  readonly #commands = new Map<string, Handler>()
  readonly #disposables: vscode.Disposable[] = []
  readonly #trees = new vscode.EventEmitter<TestTree>()
  readonly #runs = new vscode.EventEmitter<TestRun>()
  readonly #results = new vscode.EventEmitter<TestResult>()
  readonly #coverages = new vscode.EventEmitter<TestCoverage>()
  readonly #statuses = new vscode.EventEmitter<Status | undefined>()
  readonly #ready = new vscode.EventEmitter<void>()
  #client: LanguageClient | undefined
  /** By folder; that of the first one also under the empty name. */
  #interpreters = new Map<string, string | undefined>()
  /** The latest choice of an environment, until the server was told to ask for it. */
  #choosing: Promise<void> = Promise.resolve()
  #starting: Promise<void> = Promise.resolve()

  readonly onTestTree = this.#trees.event
  readonly onTestRun = this.#runs.event
  readonly onTestResult = this.#results.event
  readonly onTestCoverage = this.#coverages.event
  /** `undefined`: no server runs. */
  readonly onStatus = this.#statuses.event
  readonly onReady = this.#ready.event

  readonly #progress = new ProgressView(this)

  constructor(
    context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
  ) {
    this.#context = context
    this.#disposables.push(
      this.#trees,
      this.#runs,
      this.#results,
      this.#coverages,
      this.#statuses,
      this.#ready,
      vscode.workspace.onDidGrantWorkspaceTrust(() => void this.#trusted()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.#chooseInterpreter()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('darner.serverPath')) void this.restart()
        else if (event.affectsConfiguration('darner.interpreter')) void this.#chooseInterpreter()
      }),
    )
    void this.#watchInterpreter()
  }

  /** Where the environment made by this extension is. */
  get environment(): vscode.Uri {
    return vscode.Uri.joinPath(this.#context.globalStorageUri, 'server')
  }

  get running(): boolean {
    return this.#client?.isRunning() ?? false
  }

  /** A command of the server that this extension answers itself, by its lens or light bulb, too. */
  onCommand(name: string, handler: Handler): void {
    this.#commands.set(name, handler)
  }

  start(): Promise<void> {
    this.#starting = this.#starting.then(() => this.#start())
    return this.#starting
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#starting
    const client = this.#client
    this.#client = undefined
    this.#statuses.fire(undefined)
    await client?.dispose()
  }

  dispose(): void {
    for (const each of this.#disposables) each.dispose()
  }

  /** `workspace/executeCommand`. Undefined when there is no server or it refused; the user was then told. */
  async execute<T>(command: string, argument: object = {}): Promise<T | undefined> {
    const client = this.#client
    if (client?.isRunning() !== true) {
      this.#say(vscode.l10n.t('No server is running; see "Darner: Show Log", then "Darner: Restart Server".'))
      return undefined
    }
    try {
      await this.#choosing // what is asked for right after a choice is meant for what was chosen
      return await client.sendRequest<T>('workspace/executeCommand', { command, arguments: [argument] })
    } catch (error) {
      if (this.#client === client && this.running) this.#say(messageOf(error))
      return undefined
    }
  }

  /** A command that starts a job, to its end. */
  async finish(command: string, argument: object): Promise<Ended | undefined> {
    const started = await this.execute<Started>(command, argument)
    return started && (await this.execute<Ended>('darner.wait', { job: started.job }))
  }

  edit(edit: Parameters<LanguageClient['protocol2CodeConverter']['asWorkspaceEdit']>[0]) {
    return this.#client?.protocol2CodeConverter.asWorkspaceEdit(edit)
  }

  async #start(): Promise<void> {
    const place = await findServer(this.environment)
    if (place === undefined) {
      this.log.warn('no darner-lsp was found')
      void this.#offer()
      return
    }
    await this.#findInterpreters()
    this.log.info(`starting ${place.path} (found by ${place.why})`)
    const server = { command: place.path, options: { env: process.env } }
    const library = await import('./client.js')
    const client = new library.LanguageClient('darner', 'Darner', server, this.#options())
    client.registerFeature(FEED)
    client.onNotification('darner/testTree', (tree: TestTree) => { this.#trees.fire(tree) })
    client.onNotification('darner/testRun', (run: TestRun) => { this.#runs.fire(run) })
    client.onNotification('darner/testResult', (result: TestResult) => { this.#results.fire(result) })
    client.onNotification('darner/testCoverage', (row: TestCoverage) => { this.#coverages.fire(row) })
    client.onNotification('darner/status', (status: Status) => { this.#statuses.fire(status) })
    client.onDidChangeState(() => {
      if (this.#client === client) void this.#changed()
    })
    this.#client = client
    try {
      await client.start()
    } catch (error) {
      this.log.error(`the server did not start: ${messageOf(error)}`)
      this.#say(vscode.l10n.t('Darner\'s server {0} did not start: {1}', place.path, messageOf(error)))
      return
    }
    this.#compareVersions(client)
  }

  async #changed(): Promise<void> {
    const running = this.running // now: it may change while the context is set
    await vscode.commands.executeCommand('setContext', 'darner.running', running)
    if (!running) {
      this.#statuses.fire(undefined)
      return
    }
    this.log.info('the server is running')
    this.#ready.fire()
    this.#statuses.fire(await this.execute<Status>('darner.showStatus'))
  }

  #options(): LanguageClientOptions {
    return {
      documentSelector: [{ language: 'python', scheme: 'file' }],
      outputChannel: this.log,
      initializationOptions: () => ({ trust: vscode.workspace.isTrusted, ...this.#settings(undefined) }),
      middleware: {
        executeCommand: (command: string, given: unknown[], next: ExecuteCommandSignature) => {
          const ours = this.#commands.get(command)
          return ours ? ours(given[0]) : (next(command, given) as unknown)
        },
        handleWorkDoneProgress: (token, value, next) => {
          this.#progress.handle(token, value, next)
        },
        workspace: {
          configuration: ({ items }) => items.map(({ scopeUri }) => this.#settings(scopeUri)),
        },
      },
    }
  }

  /** What the server may know of our settings; `docs/settings.md`. */
  #settings(scope: string | undefined): Record<string, unknown> {
    const settings = vscode.workspace.getConfiguration('darner', scope === undefined ? undefined : vscode.Uri.parse(scope))
    // Only what somebody set: a default of ours would go before what the project says in its pyproject.toml.
    const own = Object.fromEntries(SERVER_SETTINGS.map((key) => [key, isSet(settings, key) ? settings.get(key) : null]))
    const folder = scope === undefined ? '' : vscode.Uri.parse(scope).toString() // written as VS Code writes it
    const known = this.#interpreters
    return { ...own, interpreter: known.get(known.has(folder) ? folder : '') ?? null }
  }

  async #trusted(): Promise<void> {
    if (this.#client === undefined) return this.restart() // its own environment may hold the server
    await this.#client.sendNotification('darner/setTrust', { trusted: true })
    return this.#chooseInterpreter()
  }

  async #watchInterpreter(): Promise<void> {
    this.#disposables.push(await watchInterpreter(() => (this.#choosing = this.#chooseInterpreter())))
  }

  async #findInterpreters(): Promise<void> {
    const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : []
    const found = folders.map(async ({ uri }) => [uri.toString(), await findInterpreter(this.log, uri)] as const)
    const all = await Promise.all(found)
    this.#interpreters = new Map([['', all[0]?.[1]], ...all])
  }

  /** The server asks for the settings again. */
  async #chooseInterpreter(): Promise<void> {
    await this.#findInterpreters()
    try {
      if (this.running) await this.#client?.sendNotification('workspace/didChangeConfiguration', { settings: null })
    } catch (error) {
      this.log.warn(`the server was not told of the environment: ${String(error)}`) // it ended; the next one asks
    }
  }

  /** They are released together; another patch release is no reason to stop anybody. */
  #compareVersions(client: LanguageClient): void {
    const theirs = client.initializeResult?.serverInfo?.version ?? '?'
    const ours = String((this.#context.extension.packageJSON as { version: unknown }).version)
    this.log.info(`server ${theirs}, extension ${ours}`)
    const release = (version: string) => version.split('.').slice(0, 2).join('.')
    if (release(theirs) !== release(ours)) {
      this.#say(
        vscode.l10n.t(
          'Darner\'s server is version {0} and this extension is version {1}; they are released together, so install the same version of both.',
          theirs,
          ours,
        ),
      )
    }
  }

  async #offer(): Promise<void> {
    const create = vscode.l10n.t('Create an Environment…')
    const setting = vscode.l10n.t('Set Its Path')
    const chosen = await vscode.window.showWarningMessage(
      vscode.l10n.t('Darner\'s server (darner-lsp) was not found on PATH or in the workspace\'s .venv.'),
      ...(vscode.workspace.isTrusted ? [create, setting] : [setting]),
    )
    if (chosen === create) await vscode.commands.executeCommand('darner.createEnvironment')
    if (chosen === setting) await vscode.commands.executeCommand('workbench.action.openSettings', 'darner.serverPath')
  }

  #say(message: string): void {
    this.log.warn(message)
    void vscode.window.showWarningMessage(message)
  }
}

/** Asks the server for the notifications that a test tree and a status item need. */
const FEED: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { darner: { testTree: true, testRun: true, testResult: true, testCoverage: true, status: true } }
  },
  initialize() {
    // nothing to register: the notifications have handlers already
  },
  getState() {
    return { kind: 'static' }
  },
  clear() {
    // nothing is kept
  },
}

/** Whether somebody says so: the user, the workspace or the folder. */
function isSet(settings: vscode.WorkspaceConfiguration, key: string): boolean {
  const found = settings.inspect(key)
  return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some((value) => value !== undefined)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
