/** From a failing test to a preview: search, ask when two behaviours are left, show. */
import * as vscode from 'vscode'

import type { Preview } from './preview'
import type { Answered, Ended, Found, Question, Status, Test } from './protocol'
import type { Server } from './server'

export class Repairs {
  readonly #server: Server
  readonly #preview: Preview

  constructor(server: Server, preview: Preview) {
    this.#server = server
    this.#preview = preview
  }

  async repair(argument: unknown): Promise<void> {
    const test = await this.#test(argument)
    if (test === undefined) return
    const ended = await this.#server.finish('darner.repair', { ...test, apply: false })
    if (ended === undefined || ended.cancelled) return
    await this.show(test)
  }

  /** What was found before; runs nothing. */
  async show(argument: unknown): Promise<void> {
    const test = await this.#test(argument)
    const found = test && (await this.#server.execute<Found>('darner.showRepairs', test))
    if (found === undefined) return
    if (found.repairs.length === 0) {
      if (found.note !== '') void vscode.window.showInformationMessage(found.note)
      return
    }
    if (found.question === null) return this.#preview.open(found, 0)
    const chosen = await ask(found.question, found)
    if (chosen === undefined) return
    await vscode.commands.executeCommand('setContext', 'darner.answered', true)
    if ('repair' in chosen) return this.#preview.open(found, chosen.repair)
    if ('answer' in chosen) await this.#answer(found, chosen.answer)
    else await this.#write(found, found.question)
  }

  /** The light bulb's "neither is right". */
  async answer(argument: unknown): Promise<void> {
    const test = testOf(argument)
    const found = test && (await this.#server.execute<Found>('darner.showRepairs', test))
    if (found !== undefined) await this.#answer(found, answerOf(argument))
  }

  /** The light bulb's "write what it should give". */
  async write(argument: unknown): Promise<void> {
    const test = testOf(argument)
    const found = test && (await this.#server.execute<Found>('darner.showRepairs', test))
    if (found?.question) await this.#write(found, found.question)
  }

  /** Show the repair that is meant, or the one that a further search finds; why the text is no answer, if it is none. */
  async #answer(found: Found, answer: string): Promise<string | undefined> {
    const { nodeid, root } = found
    const said = await this.#server.execute<Answered>('darner.answer', { nodeid, root, answer, apply: false })
    if (said?.repair !== undefined) await this.#preview.open(found, said.repair)
    if (said?.job !== undefined) {
      const ended = await this.#server.execute<Ended>('darner.wait', { job: said.job })
      if (ended?.cancelled === false) await this.show({ nodeid, root })
    }
    return said?.refused
  }

  /** Until it is understood, or given up. */
  async #write(found: Found, question: Question): Promise<void> {
    let text: string | undefined
    let refused: string | undefined
    do {
      text = await vscode.window.showInputBox(asking(question, text, refused))
      if (text === undefined || text.trim() === '') return
      refused = await this.#answer(found, text)
    } while (refused !== undefined)
  }

  async explain(argument: unknown): Promise<void> {
    const test = await this.#test(argument)
    if (test === undefined) return
    const ended = await this.#server.finish('darner.explain', test)
    if (ended !== undefined && !ended.cancelled) await showHover(test)
  }

  /** The test of a lens, action or tree item; else the one that fails at the cursor; else one that the user picks. */
  async #test(argument: unknown): Promise<Test | undefined> {
    const given = testOf(argument)
    if (given !== undefined) return given
    const status = await this.#server.execute<Status>('darner.showStatus')
    const failing = (status?.projects ?? []).flatMap(({ root, failing }) => failing.map((nodeid) => ({ nodeid, root })))
    const here = diagnosticsHere()
    const near = failing.filter(({ nodeid }) => here.some((each) => isOf(each, nodeid)))
    const [first, ...others] = near.length > 0 ? near : failing
    if (first === undefined && status !== undefined) {
      void vscode.window.showInformationMessage(vscode.l10n.t('No failing test is known; run the tests first.'))
    }
    if (first === undefined || others.length === 0) return first
    const items = [first, ...others].map((test) => ({ label: test.nodeid, test }))
    return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Which failing test?') }))?.test
  }
}

type Choice = { readonly repair: number } | { readonly answer: string } | { readonly own: true }

/** Both outputs, side by side with the edit that gives them; neither; and what the user writes. */
async function ask(question: Question, found: Found): Promise<Choice | undefined> {
  const items: (vscode.QuickPickItem & { readonly choice: Choice })[] = question.answers.map(({ output, repair }) => ({
    label: output,
    detail: found.repairs[repair]?.description ?? '',
    choice: { repair },
  }))
  items.push({
    label: vscode.l10n.t('Neither'),
    detail: vscode.l10n.t('set both aside and look for another repair'),
    choice: { answer: 'neither' },
  })
  items.push({
    label: vscode.l10n.t('Something else…'),
    detail: vscode.l10n.t('write what it should give'),
    choice: { own: true },
  })
  const answer = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Two repairs cure this test and differ'),
    placeHolder: vscode.l10n.t('What should {0} give?', question.input),
    ignoreFocusOut: true,
  })
  return answer?.choice
}

/** `refused`: why `text`, which was entered before, is no answer. What `validateInput` says of it would show only after Enter. */
function asking(question: Question, text = '', refused?: string): vscode.InputBoxOptions {
  return {
    title: vscode.l10n.t('What should {0} give?', question.input),
    prompt: refused ?? vscode.l10n.t('A Python literal, as in [5, 6], or an exception, as in raises ValueError. It is not evaluated.'),
    value: text,
    ignoreFocusOut: true,
  }
}

function answerOf(argument: unknown): string {
  return typeof argument === 'object' && argument !== null && 'answer' in argument ? String(argument.answer) : ''
}

/** A code lens or action gives the server's argument; the Testing view gives an item, or a message with its item. */
function testOf(argument: unknown): Test | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined
  if ('nodeid' in argument && 'root' in argument) return { nodeid: String(argument.nodeid), root: String(argument.root) }
  if ('test' in argument) return testOf(argument.test)
  if ('id' in argument && typeof argument.id === 'string') return parseId(argument.id)
  return undefined
}

const SEPARATOR = '//'

/** A test item's id: two projects may hold tests of the same name. */
export function idOf(test: Test): string {
  return `${test.root}${SEPARATOR}${test.nodeid}`
}

export function parseId(id: string): Test | undefined {
  const at = id.indexOf(SEPARATOR, 1)
  return at < 0 ? undefined : { root: id.slice(0, at), nodeid: id.slice(at + SEPARATOR.length) }
}

/** Its code is the node id, with a link to the long explanation where the server gave one. */
function isOf({ source, code }: vscode.Diagnostic, nodeid: string): boolean {
  return source === 'darner' && (typeof code === 'object' ? code.value : code) === nodeid
}

function diagnosticsHere(): vscode.Diagnostic[] {
  const editor = vscode.window.activeTextEditor
  if (editor === undefined) return []
  const line = editor.selection.active.line
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((each) => each.source === 'darner' && each.range.start.line <= line && line <= each.range.end.line)
}

/** Go to the failing line and open the hover there, as a key would. */
async function showHover(test: Test): Promise<void> {
  for (const [uri, diagnostics] of vscode.languages.getDiagnostics()) {
    const shown = diagnostics.find((each) => isOf(each, test.nodeid))
    if (shown === undefined) continue
    const place = shown.range.start
    await vscode.window.showTextDocument(uri, { selection: new vscode.Range(place, place) })
    await vscode.commands.executeCommand('editor.action.showHover', { focus: 'noAutoFocus' })
    return
  }
}

