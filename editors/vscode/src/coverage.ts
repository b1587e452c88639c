/** What a run executed, as the editor's gutter shows it: statements in functions, each with its number of tests. */
import * as vscode from 'vscode'

import type { TestCoverage } from './protocol'

/** A column behind the end of every line: the server names lines only. */
const BEYOND = 10_000

/** The counts for the tree; the statements are asked for when the file is opened. */
class CoveredFile extends vscode.FileCoverage {
  constructor(
    uri: vscode.Uri,
    readonly statements: vscode.StatementCoverage[],
  ) {
    const executed = statements.filter((each) => each.executed !== 0).length
    super(uri, new vscode.TestCoverageCount(executed, statements.length))
  }
}

export function filesOf(row: TestCoverage): vscode.FileCoverage[] {
  return row.files.map(({ uri, statements }) => new CoveredFile(vscode.Uri.parse(uri), statements.map(statementOf)))
}

export function statementsOf(file: vscode.FileCoverage): vscode.StatementCoverage[] {
  return file instanceof CoveredFile ? file.statements : []
}

function statementOf({ line, endLine, tests }: TestCoverage['files'][number]['statements'][number]) {
  return new vscode.StatementCoverage(tests, new vscode.Range(line, 0, endLine, BEYOND))
}
