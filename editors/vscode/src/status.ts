/** One language status item: model, device, sandbox, and what runs. */
import * as vscode from 'vscode'

import type { Status } from './protocol'
import type { Server } from './server'

export class StatusItem implements vscode.Disposable {
  readonly #item: vscode.LanguageStatusItem
  readonly #disposables: vscode.Disposable[]

  constructor(server: Server) {
    this.#item = vscode.languages.createLanguageStatusItem('darner', { language: 'python' })
    this.#item.name = 'Darner'
    this.#disposables = [this.#item, server.onStatus((status) => { this.#show(status) })]
    this.#show(undefined)
  }

  dispose(): void {
    for (const each of this.#disposables) each.dispose()
  }

  #show(status: Status | undefined): void {
    const item = this.#item
    item.busy = (status?.jobs.length ?? 0) > 0
    item.severity = severityOf(status)
    item.text = status === undefined ? vscode.l10n.t('Darner: no server') : `Darner: ${modelOf(status)}`
    item.detail = status === undefined ? '' : detailOf(status)
    item.command =
      status === undefined
        ? { command: 'darner.restartServer', title: vscode.l10n.t('Restart') }
        : { command: 'darner.chooseModel', title: vscode.l10n.t('Choose Model') }
  }
}

function modelOf(status: Status): string {
  if (status.model !== '') return status.device === '' ? status.model : `${status.model}, ${status.device}`
  const wanted = vscode.workspace.getConfiguration('darner').get<string>('model', '')
  if (wanted === 'none') return vscode.l10n.t('search only')
  return wanted === '' ? vscode.l10n.t('default model, not loaded') : vscode.l10n.t('{0}, not loaded', wanted)
}

function detailOf(status: Status): string {
  const tiers = [...new Set(Object.values(status.sandbox).map(({ backend }) => backend))]
  const sandbox = tiers.length > 0 ? vscode.l10n.t('sandbox: {0}', tiers.join(', ')) : vscode.l10n.t('sandbox: not used yet')
  const failing = status.projects.reduce((count, project) => count + project.failing.length, 0)
  const jobs = status.jobs.map(({ title }) => title)
  return [sandbox, vscode.l10n.t('{0} failing', failing), ...pacesOf(status), ...jobs].join(' · ')
}

/** How fast the model writes, once it has written, and how many requests wait for it. */
function pacesOf(status: Status): string[] {
  const rate = status.tokens_per_second
  const pace = rate === null ? [] : [vscode.l10n.t('{0} tokens/s', Math.round(rate))]
  return status.queued === 0 ? pace : [...pace, vscode.l10n.t('{0} waiting for the model', status.queued)]
}

/** A plain process holds less than the user may think: it is said as a warning. */
function severityOf(status: Status | undefined): vscode.LanguageStatusSeverity {
  if (status === undefined) return vscode.LanguageStatusSeverity.Error
  const weak = Object.values(status.sandbox).some(({ backend }) => backend === 'process')
  const waiting = !vscode.workspace.isTrusted
  return weak || waiting ? vscode.LanguageStatusSeverity.Warning : vscode.LanguageStatusSeverity.Information
}
