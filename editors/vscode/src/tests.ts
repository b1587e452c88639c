/** The Testing view: a tree of what the server lists, and every run of the server's, whoever asked for it. */
import * as vscode from 'vscode'

import { filesOf, statementsOf } from './coverage'
import type { Failure, Started, Test, TestResult, TestRun, TestTree as Tree } from './protocol'
import { idOf, parseId } from './repairs'
import type { Server } from './server'

export class TestTree implements vscode.Disposable {
  readonly #server: Server
  readonly #controller = vscode.tests.createTestController('darner', 'Darner')
  readonly #disposables: vscode.Disposable[]
  readonly #covering: vscode.TestRunProfile
  readonly #runs = new Map<string, vscode.TestRun>()
  readonly #requests = new Map<string, vscode.TestRunRequest>()
  readonly #failing = new Set<string>()
  #listing: NodeJS.Timeout | undefined
  #telling: NodeJS.Timeout | undefined

  constructor(server: Server) {
    this.#server = server
    this.#controller.refreshHandler = () => this.#list()
    const run = (coverage: boolean) => (request: vscode.TestRunRequest, cancelled: vscode.CancellationToken) =>
      this.#run(request, cancelled, coverage)
    const { Run, Coverage } = vscode.TestRunProfileKind
    this.#covering = this.#controller.createRunProfile(vscode.l10n.t('Run with Coverage'), Coverage, run(true), true)
    this.#covering.loadDetailedCoverage = (_run, file) => Promise.resolve(statementsOf(file))
    this.#disposables = [
      this.#controller,
      this.#covering,
      this.#controller.createRunProfile(vscode.l10n.t('Run'), Run, run(false), true),
      server.onReady(() => void this.#list()),
      server.onStatus((status) => { if (status === undefined) this.#endAll() }),
      server.onTestTree((tree) => { this.#listed(tree) }),
      server.onTestRun((row) => { this.#told(row) }),
      server.onTestResult((result) => { this.#result(result) }),
      server.onTestCoverage((row) => { filesOf(row).forEach((file) => this.#runs.get(row.job)?.addCoverage(file)) }),
      vscode.workspace.onDidSaveTextDocument((document) => {
        if (document.languageId === 'python') this.#listSoon()
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('darner.enable')) this.#listSoon()
      }),
      vscode.workspace.onDidDeleteFiles(() => { this.#listSoon() }),
      vscode.workspace.onDidRenameFiles(() => { this.#listSoon() }),
    ]
  }

  dispose(): void {
    clearTimeout(this.#listing)
    clearTimeout(this.#telling)
    for (const each of this.#disposables) each.dispose()
  }

  #listSoon(): void {
    clearTimeout(this.#listing)
    this.#listing = setTimeout(() => void this.#list(), 300)
  }

  async #list(): Promise<void> {
    if (this.#server.running) await this.#server.execute('darner.testTree')
  }

  /** Items that are still there are kept, with their results. */
  #listed({ root, tests, complete }: Tree): void {
    const known = new Set(tests.flatMap(({ id, uri, line }) => this.#place({ root, nodeid: id }, uri, line)))
    prune(this.#controller.items, (id) => known.has(id) || (!complete && id.endsWith(']')), root)
    for (const id of this.#failing) {
      const test = parseId(id)
      if (test !== undefined && this.#item(test) === undefined) this.#remember(test, false)
    }
  }

  /** The item of a test, made with those above it; answers with the ids of all of them. */
  #place(test: Test, uri: string, line: number): string[] {
    const place = vscode.Uri.parse(uri)
    const ids: string[] = []
    let siblings = this.#controller.items
    for (const [nodeid, label] of levels(test.nodeid)) {
      const id = idOf({ root: test.root, nodeid })
      const item = siblings.get(id) ?? this.#controller.createTestItem(id, label, place)
      siblings.add(item)
      if (nodeid === test.nodeid) item.range = new vscode.Range(line, 0, line, 0)
      ids.push(id)
      siblings = item.children
    }
    return ids
  }

  async #run(request: vscode.TestRunRequest, cancelled: vscode.CancellationToken, coverage: boolean): Promise<void> {
    const wanted = request.include?.map((item) => parseId(item.id)).filter((test) => test !== undefined)
    const roots = new Set((wanted ?? roofs(this.#controller.items)).map(({ root }) => root))
    for (const root of roots) {
      const nodeids = wanted?.filter((test) => test.root === root).map(({ nodeid }) => nodeid) ?? []
      const started = await this.#server.execute<Started>('darner.runTests', { root, nodeids, coverage })
      if (started === undefined) continue
      this.#requests.set(started.job, request) // before the run is told to have begun, which comes after the answer
      cancelled.onCancellationRequested(() => void this.#server.execute('darner.cancel', started))
      await this.#server.execute('darner.wait', started)
    }
  }

  #told(row: TestRun): void {
    if (row.state === 'ended') {
      const run = this.#runs.get(row.job)
      run?.appendOutput(`${row.outcome}\r\n`) // all there is to see, where the tests could not be run
      run?.end()
      this.#runs.delete(row.job)
      this.#requests.delete(row.job)
      return
    }
    const asked = (row.tests ?? []).flatMap((nodeid) => this.#item({ root: row.root, nodeid }) ?? [])
    const items = asked.length > 0 ? asked : roofItems(this.#controller.items, row.root)
    const profile = row.coverage ? this.#covering : undefined // it is asked for the statements later
    const own = new vscode.TestRunRequest(asked.length > 0 ? asked : undefined, undefined, profile)
    const request = this.#requests.get(row.job) ?? own // of this view, or of a save, a lens, a command
    const run = this.#controller.createTestRun(request, undefined, true)
    // Nobody knows yet which tests a change affects; one that is queued and never runs would lose its last result.
    for (const item of row.affected ? [] : items) mark(item, (each) => { run.enqueued(each) })
    this.#runs.set(row.job, run)
  }

  #result(result: TestResult): void {
    const test = { root: result.root, nodeid: result.id }
    this.#place(test, result.uri, result.line)
    const item = this.#item(test)
    const run = this.#runs.get(result.job)
    if (item === undefined || run === undefined) return
    const milliseconds = result.seconds * 1000
    const failure = failureOf(result)
    run.appendOutput(`${result.id} ${result.outcome}\r\n`, undefined, item)
    if (failure !== undefined) {
      run.appendOutput(`${failure.text.replace(/\r?\n/g, '\r\n')}\r\n`, undefined, item)
      run[result.outcome === 'error' ? 'errored' : 'failed'](item, messageOf(failure), milliseconds)
    } else if (result.outcome === 'skipped' || result.outcome === 'xfailed') {
      run.skipped(item)
    } else {
      run.passed(item, milliseconds)
    }
    this.#remember(test, failure !== undefined)
  }

  /** For the menus: they offer Explain and Repair where there is something to explain. */
  #remember(test: Test, broken: boolean): void {
    const before = this.#failing.size
    if (broken) this.#failing.add(idOf(test))
    else this.#failing.delete(idOf(test))
    if (before !== this.#failing.size) {
      this.#telling ??= setTimeout(() => { this.#tellFailing() }, 100) // one list for many results
    }
  }

  #tellFailing(): void {
    this.#telling = undefined
    void vscode.commands.executeCommand('setContext', 'darner.failing', [...this.#failing])
  }

  #item(test: Test): vscode.TestItem | undefined {
    let siblings = this.#controller.items
    let found: vscode.TestItem | undefined
    for (const [nodeid] of levels(test.nodeid)) {
      found = siblings.get(idOf({ root: test.root, nodeid }))
      if (found === undefined) return undefined
      siblings = found.children
    }
    return found
  }

  #endAll(): void {
    for (const run of this.#runs.values()) run.end()
    this.#runs.clear()
    this.#requests.clear()
  }
}

/** `a/test_b.py::TestC::test_d[1]` as file, class, function and parameters: node id and label of each. */
function levels(nodeid: string): [string, string][] {
  const bracket = nodeid.indexOf('[')
  const plain = bracket < 0 ? nodeid : nodeid.slice(0, bracket)
  const found: [string, string][] = []
  let prefix = ''
  for (const part of plain.split('::')) {
    prefix = prefix === '' ? part : `${prefix}::${part}`
    found.push([prefix, part])
  }
  if (bracket >= 0) found.push([nodeid, nodeid.slice(bracket)])
  return found
}

/** Also of a test that was expected to fail there is a failure: that one is none. */
function failureOf(result: TestResult): Failure | undefined {
  const { message, text = '', at, actual = null, expected = null } = result
  const broken = result.outcome === 'failed' || result.outcome === 'error'
  if (!broken) return undefined
  return { message: message ?? result.outcome, text, at: at ?? { uri: result.uri, line: result.line }, actual, expected }
}

function messageOf(failure: Failure): vscode.TestMessage {
  const message =
    failure.expected !== null && failure.actual !== null
      ? vscode.TestMessage.diff(failure.message, failure.expected, failure.actual)
      : new vscode.TestMessage(failure.message)
  message.location = new vscode.Location(vscode.Uri.parse(failure.at.uri), new vscode.Position(failure.at.line, 0))
  return message
}

/** Remove what has gone. A list that was only read from the files says nothing about parameters. */
function prune(items: vscode.TestItemCollection, stays: (id: string) => boolean, root: string): void {
  for (const [id, item] of [...items]) {
    if (parseId(id)?.root !== root) continue
    if (stays(id)) prune(item.children, stays, root)
    else items.delete(id)
  }
}

function mark(item: vscode.TestItem, to: (item: vscode.TestItem) => void): void {
  if (item.children.size === 0) to(item)
  for (const [, child] of item.children) mark(child, to)
}

function roofItems(items: vscode.TestItemCollection, root: string): vscode.TestItem[] {
  return [...items].map(([, item]) => item).filter((item) => parseId(item.id)?.root === root)
}

function roofs(items: vscode.TestItemCollection): Test[] {
  return [...items].flatMap(([id]) => parseId(id) ?? [])
}
