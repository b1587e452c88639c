/** What the server and this extension say to each other beyond the protocol; `docs/lsp.md`. */
import type { WorkspaceEdit } from 'vscode-languageclient/node'

export interface Test {
  readonly nodeid: string
  readonly root: string
}

export interface TestTree {
  readonly root: string
  readonly complete: boolean
  readonly tests: readonly { readonly id: string; readonly uri: string; readonly line: number }[]
}

export interface TestRun {
  readonly job: string
  readonly root: string
  readonly state: 'started' | 'ended'
  readonly tests: readonly string[] | null
  readonly affected: boolean
  readonly coverage: boolean
  readonly outcome: string
}

export interface TestResult extends Partial<Failure> {
  readonly job: string
  readonly root: string
  readonly id: string
  readonly outcome: 'passed' | 'failed' | 'error' | 'skipped' | 'xfailed' | 'xpassed'
  readonly seconds: number
  readonly uri: string
  readonly line: number
}

export interface TestCoverage {
  readonly job: string
  readonly root: string
  readonly files: readonly {
    readonly uri: string
    readonly statements: readonly { readonly line: number; readonly endLine: number; readonly tests: number }[]
  }[]
}

export interface Failure {
  readonly message: string
  readonly text: string
  readonly at: { readonly uri: string; readonly line: number }
  readonly actual: string | null
  readonly expected: string | null
}

export interface Status {
  readonly version: string
  readonly engine: string
  readonly model: string
  readonly device: string
  readonly queued: number
  readonly tokens_per_second: number | null
  readonly sandbox: Readonly<Record<string, { readonly backend: string; readonly gaps: readonly string[] }>>
  readonly jobs: readonly { readonly job: string; readonly title: string }[]
  readonly projects: readonly { readonly root: string; readonly trusted: boolean; readonly failing: readonly string[] }[]
}

export interface Started {
  readonly job: string
}

export interface Ended {
  readonly outcome: string
  readonly cancelled: boolean
}

export interface Repair {
  readonly index: number
  readonly description: string
  readonly evidence: string
  readonly edit: WorkspaceEdit | null
  readonly refused: string
  /** Why it may only seem right, though it passes; empty when nothing says so. */
  readonly doubt: string
}

export interface Found extends Test {
  readonly repairs: readonly Repair[]
  readonly question: Question | null
  readonly note: string
}

/** To `darner.answer`: a search began, a shown repair was meant, or why the text is no answer. */
export interface Answered {
  readonly job?: string
  readonly repair?: number
  readonly refused?: string
}

export interface Question {
  readonly input: string
  readonly answers: readonly { readonly output: string; readonly repair: number }[]
}
