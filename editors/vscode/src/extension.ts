/** Wires the parts together and returns at once: the server starts beside the editor, never before it. */
import * as vscode from 'vscode'

import { registerCommands } from './commands'
import { Preview } from './preview'
import { Repairs } from './repairs'
import { Server } from './server'
import { StatusItem } from './status'
import { TestTree } from './tests'

let server: Server | undefined

export function activate(context: vscode.ExtensionContext): void {
  const began = performance.now()
  const log = vscode.window.createOutputChannel('Darner', { log: true })
  const own = new Server(context, log)
  const preview = new Preview(own)
  const repairs = new Repairs(own, preview)
  const tests = new TestTree(own)
  own.onCommand('darner.repair', (argument) => repairs.repair(argument))
  own.onCommand('darner.explain', (argument) => repairs.explain(argument))
  own.onCommand('darner.answer', (argument) => repairs.answer(argument))
  own.onCommand('darner.writeAnswer', (argument) => repairs.write(argument))
  server = own
  context.subscriptions.push(log, own, preview, tests, new StatusItem(own))
  context.subscriptions.push(...registerCommands(context, own, repairs, preview))
  void own.start()
  log.info(`activated in ${(performance.now() - began).toFixed(1)} ms`)
}

export async function deactivate(): Promise<void> {
  await server?.stop()
}
