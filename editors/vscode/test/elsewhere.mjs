// What the main story cannot show: a workspace that is none of ours, and an interpreter that another extension chose.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createVSIX } from '@vscode/vsce'

import { step, until } from './steps.mjs'
import { open, project, ROOT } from './workbench.mjs'

/** An editor on a folder of plain text. */
export async function withoutPython(vsix, settings) {
  const plain = mkdtempSync(join(tmpdir(), 'darner-plain-'))
  writeFileSync(join(plain, 'notes.txt'), 'no Python here\n')
  const other = await open({ extensions: [vsix], settings, folder: plain })
  try {
    await step('a workspace without Python costs nothing', async () => {
      await other.trust()
      const eager = () => other.log('remoteexthost.log').includes('Eager extensions activated')
      await until(eager)
      assert.doesNotMatch(other.log('remoteexthost.log'), /_doActivateExtension darner/)
    })
  } finally {
    await other.close()
    rmSync(plain, { recursive: true, force: true })
  }
}

/** An editor with an extension that answers as Python Environments does: first with a Python that is not there. */
export async function environments(vsix, { 'darner.interpreter': _, ...settings }) {
  const folder = project()
  const place = mkdtempSync(join(tmpdir(), 'darner-environments-'))
  const packagePath = join(place, 'environments.vsix')
  await createVSIX({ cwd: join(import.meta.dirname, 'environments'), packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true })
  const variables = { DARNER_TEST_PYTHON: join(ROOT, '.venv', 'bin', 'python') }
  const other = await open({ extensions: [vsix, packagePath], settings, folder, path: '', variables })
  try {
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
  } finally {
    await other.close()
    for (const made of [place, join(folder, '..')]) rmSync(made, { recursive: true, force: true })
  }
}
