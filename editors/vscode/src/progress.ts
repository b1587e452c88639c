/** Progress of what the user asked for, with a cancel button; runs of tests show in the Testing view and status bar. */
import * as vscode from 'vscode'
import type {
  ProgressToken,
  WorkDoneProgressBegin,
  WorkDoneProgressEnd,
  WorkDoneProgressReport,
} from 'vscode-languageclient/node'

import type { Server } from './server'

type Value = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd
interface Shown {
  readonly progress: vscode.Progress<{ message?: string }>
  readonly end: () => void
}

export class ProgressView {
  readonly #shown = new Map<ProgressToken, Shown>()
  readonly #tests = new Set<string>()

  constructor(readonly server: Server) {}

  handle(token: ProgressToken, value: Value, next: (token: ProgressToken, value: Value) => void): void {
    if (value.kind === 'begin' && value.title.startsWith('Run ')) this.#tests.add(String(token))
    if (this.#tests.has(String(token))) {
      if (value.kind === 'end') this.#tests.delete(String(token))
      next(token, value)
    } else if (value.kind === 'begin') {
      this.#begin(token, value)
    } else if (value.kind === 'report') {
      this.#shown.get(token)?.progress.report(value.message === undefined ? {} : { message: value.message })
    } else {
      this.#shown.get(token)?.end()
      this.#shown.delete(token)
    }
  }

  #begin(token: ProgressToken, value: WorkDoneProgressBegin): void {
    const options = { location: vscode.ProgressLocation.Notification, title: value.title, cancellable: true }
    void vscode.window.withProgress(options, (progress, cancelled) => {
      cancelled.onCancellationRequested(() => void this.server.execute('darner.cancel', { job: token }))
      return new Promise<void>((resolve) => {
        this.#shown.set(token, { progress, end: resolve })
      })
    })
  }
}
