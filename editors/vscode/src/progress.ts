/** Progress of what the user waits for, with a cancel button; all else only in the status bar, or in the Testing view. */
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

const WAITED_FOR = /^(Repair|Explain) /

export class ProgressView {
  readonly #shown = new Map<ProgressToken, Shown>()

  constructor(readonly server: Server) {
    server.onStatus((status) => { if (status === undefined) this.#endAll() })
  }

  handle(token: ProgressToken, value: Value, next: (token: ProgressToken, value: Value) => void): void {
    const shown = this.#shown.get(token)
    if (value.kind === 'begin' && WAITED_FOR.test(value.title)) {
      this.#begin(token, value)
    } else if (shown === undefined) {
      next(token, value)
    } else if (value.kind === 'report') {
      shown.progress.report(value.message === undefined ? {} : { message: value.message })
    } else if (value.kind === 'end') {
      shown.end()
      this.#shown.delete(token)
    }
  }

  /** The server ended, and can tell of no end any more. */
  #endAll(): void {
    for (const shown of this.#shown.values()) shown.end()
    this.#shown.clear()
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
