// What the main story cannot show: a workspace that is none of ours, an interpreter that another extension chose, and a
// person who has nothing but the .vsix.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createVSIX } from '@vscode/vsce'

import { step, until } from './steps.mjs'
import { open, project, ROOT } from './workbench.mjs'

/** An editor on a folder of plain text. */
export async function withoutPython(vsix, settings) {
  const folder = mkdtempSync(join(tmpdir(), 'darner-plain-'))
  writeFileSync(join(folder, 'notes.txt'), 'no Python here\n')
  await inEditor({ extensions: [vsix], settings, folder }, async (other) => {
    await step('a workspace without Python costs nothing', async () => {
      await other.trust()
      await until(() => other.log('remoteexthost.log').includes('Eager extensions activated'))
      assert.doesNotMatch(other.log('remoteexthost.log'), /_doActivateExtension darner/)
    })
  })
  rmSync(folder, { recursive: true })
}

/** An editor with an extension that answers as Python Environments does: first with a Python that is not there. */
export async function environments(vsix, { 'darner.interpreter': _, ...settings }) {
  const folder = project()
  const packagePath = join(folder, '..', 'environments.vsix')
  await createVSIX({ cwd: join(import.meta.dirname, 'environments'), packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true })
  const variables = { DARNER_TEST_PYTHON: join(ROOT, '.venv', 'bin', 'python') }
  await inEditor({ extensions: [vsix, packagePath], settings, folder, path: '', variables }, async (other) => {
    await step('the environment that was selected in VS Code runs the tests, from the moment it is', async () => {
      await other.trust()
      await other.openFile('tests/test_prices.py', 11)
      await until(() => other.log('Darner.log').includes('the server is running'))
      await other.command('Darner: Run All Tests')
      await other.notification('/nowhere/python').first().waitFor()
      await other.command('Select the Environment of the Test')
      await other.command('Darner: Run All Tests')
      await other.page.locator('.squiggly-error').first().waitFor()
    })
  })
  rmSync(join(folder, '..'), { recursive: true })
}

/** Nothing on PATH, no settings, a project that names an environment of its own. Needs the package index. */
export async function newcomer(vsix) {
  const folder = project()
  const environment = join(folder, '..', 'environment')
  const python = join(environment, 'bin', 'python')
  execFileSync('python3', ['-m', 'venv', environment])
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'pytest'])
  const packages = execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], { encoding: 'utf8' })
  writeFileSync(join(packages.trim(), 'only_here.py'), '')
  appendFileSync(join(folder, 'tests', 'conftest.py'), '\nimport only_here\n')
  appendFileSync(join(folder, 'pyproject.toml'), '\n[tool.darner]\ninterpreter = "../environment/bin/python"\n')
  await inEditor({ extensions: [vsix], settings: {}, folder, path: '' }, async (other) => {
    const { page } = other
    await step('an empty profile: the environment of the server is made after a question, in a terminal', async () => {
      await other.trust()
      await other.openFile('tests/test_prices.py', 11)
      await other.notification('was not found').getByRole('button', { name: /^Create an Environment/ }).click()
      await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Create, for Search Alone' }).click()
      await until(() => other.log('Darner.log').includes('the server is running'))
    })
    await step('and a failing test is repaired by search alone, in the environment that the project names', async () => {
      await other.command('Darner: Run All Tests')
      await page.locator('.squiggly-error').first().waitFor()
      await page.keyboard.press('Control+1')
      await other.goTo(11)
      await other.command('Darner: Repair Failing Test')
      await page.locator('.tab.active').filter({ hasText: /^Repair 1 of/ }).waitFor()
      await page.locator('.monaco-diff-editor .editor.modified .monaco-editor.focused').first().waitFor()
      await page.keyboard.press('Control+Enter')
      await until(() => readFileSync(join(folder, 'orders', 'prices.py'), 'utf8').includes('quantity >= start'))
    })
  })
  rmSync(join(folder, '..'), { recursive: true })
}

async function inEditor(options, work) {
  const other = await open(options)
  try {
    await work(other)
  } catch (error) {
    await other.page.screenshot({ path: join(tmpdir(), 'darner-vscode-failed.png') })
    console.error(`FAILED; ${join(tmpdir(), 'darner-vscode-failed.png')} shows the window; the log ends with`)
    console.error(other.log('Darner.log').split('\n').slice(-30).join('\n'))
    throw error
  } finally {
    await other.close()
  }
}
