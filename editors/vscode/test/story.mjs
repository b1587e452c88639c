// The whole story in a real workbench, with the real server and the real 0.5B model.
//
//     node test/story.mjs VSIX [--shots FOLDER]     screenshots and a recording go to FOLDER
//     node test/story.mjs VSIX --smoke              the beginning only, without a model
//
// Steps are what a person does, mostly by keys; each ends on something that is seen, not after a time.
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { environments, newcomer, withoutPython } from './elsewhere.mjs'
import { Recorder } from './recorder.mjs'
import { step, until } from './steps.mjs'
import { missing, open, project, ROOT } from './workbench.mjs'

const BIN = join(ROOT, '.venv', 'bin')
const SETTINGS = {
  'darner.serverPath': join(BIN, 'darner-lsp'),
  'darner.interpreter': join(BIN, 'python'),
  'darner.model': 'qwen2.5-coder-0.5b',
  'darner.budget': 150,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'git.blame.statusBarItem.enabled': false,
}
const OFFERED = ['Explain Failing Test', 'Repair Failing Test']
const INITIALS = 'test_initials_of_a_customer'

const { values: { shots, smoke }, positionals: [vsix] } = parseArgs({
  options: { shots: { type: 'string' }, smoke: { type: 'boolean' } },
  allowPositionals: true,
})
const problem = missing()
if (problem) throw new Error(problem)
const began = Date.now()
let second = '' // what the second of two repairs gives
const folder = project()
const workbench = await open({ extensions: [vsix], settings: SETTINGS, folder })
const { page } = workbench
const recorder = new Recorder(page, shots)

async function beginning() {
  await step('the workspace is trusted, and its tests are in the tree', async () => {
    await workbench.trust()
    await workbench.openFile('tests/test_prices.py', 11)
    await recorder.start()
    await page.locator('.activitybar .action-label[aria-label*="Testing"]').first().click()
    await row('tests/test_prices.py').waitFor()
  })
  await step('a run marks the line that failed, and no other', async () => {
    await workbench.command('Test: Run All Tests with Coverage')
    await recorder.through(row('tests/test_prices.py', 'Failed').waitFor())
    await hidePanel()
    await page.locator('.squiggly-error').first().waitFor()
    assert.deepEqual(await squiggles(), [11])
    await recorder.shot('vscode-tests')
  })
  await step('the hover explains it with the values that occurred', async () => {
    await focus('test_prices.py', 11)
    await workbench.command('Show or Focus Hover')
    const hover = page.locator('.monaco-hover').filter({ hasText: 'got [0, 5, 10], expected [5, 10, 15]' })
    await hover.first().waitFor()
    await page.keyboard.press('Escape')
  })
}

async function main() {
  await step('the gutter shows what the tests executed, and what they did not', async () => {
    const untested = lineOf('orders/importer.py', 'unknown unit')
    await workbench.openFile('orders/importer.py', untested)
    await page.locator('.coverage-deco-hit').first().waitFor()
    assert.deepEqual(await page.locator('.coverage-deco-miss').allInnerTexts(), [String(untested)])
    await recorder.shot('vscode-coverage')
    await workbench.command('Test: Clear Coverage')
    await workbench.openFile('tests/test_prices.py', 11)
  })
  await step('the Testing view offers Explain and Repair for what fails, and only there', async () => {
    await row('tests/test_prices.py').click()
    await page.keyboard.press('ArrowRight')
    assert.deepEqual(await offered(row('test_line_price_without_discount')), [])
    assert.deepEqual(await offered(row('test_a_tier_starts')), OFFERED)
  })
  await step('explained from the list of results, the hover says which calls went wrong', async () => {
    await workbench.command('Test Results: Focus on Test Results View')
    const result = page.locator('.test-output-peek-tree .monaco-list-row').filter({ hasText: 'test_a_tier_starts' }).first()
    assert.deepEqual(await offered(result), OFFERED)
    await choose(result, 'Explain Failing Test')
    const hover = page.locator('.monaco-hover').filter({ hasText: 'tier_discount(quantity=10) returned 0' })
    await recorder.through(hover.first().waitFor())
    await hidePanel()
    await page.keyboard.press('Escape')
    await hover.first().waitFor({ state: 'hidden' }) // else the picture may be of the moment in which it goes
    await focus('test_prices.py', 11)
    await page.mouse.move(640, 795) // where a picture is taken from: a mouse that moves closes a hover
    await workbench.command('Show or Focus Hover')
    await hover.first().waitFor()
    await recorder.shot('vscode-hover')
    await page.keyboard.press('Escape')
  })
  await step('the light bulb repairs: a diff with its evidence, and nothing is changed yet', async () => {
    const before = source('orders/prices.py')
    await bulb('Repair: make')
    await recorder.through(tab(/^Repair 1 of 1/))
    await preview(/^Repair 1 of 1: .*passes test_a_tier_starts_at_its_own_quantity; 79 of 79 others still pass/)
    await recorder.shot('vscode-repair')
    assert.equal(source('orders/prices.py'), before)
  })
  await step('applied, the test is green', async () => {
    await page.keyboard.press('Control+Enter')
    await recorder.through(row('tests/test_prices.py', 'Passed').waitFor())
    assert.match(source('orders/prices.py'), /if quantity >= start:/)
    await recorder.stop('vscode-repair')
  })
  await step('undone, it is red again, and the file is what it was', async () => {
    await page.locator('.tab.active').filter({ hasText: 'prices.py' }).waitFor()
    await page.keyboard.press('Control+1')
    await page.keyboard.press('Control+Z')
    await page.keyboard.press('Control+S')
    await row('tests/test_prices.py', 'Failed').waitFor()
    assert.match(source('orders/prices.py'), /if quantity > start:/)
  })
  await step('two behaviours are a question, and the answer decides', async () => {
    await workbench.openFile('tests/test_dates.py', 51)
    await page.locator('.squiggly-error').first().waitFor()
    await bulb('Repair: make')
    const question = page.locator('.quick-input-widget').filter({ hasText: 'Two repairs cure this test and differ' })
    await question.waitFor()
    assert.match(await question.locator('input').getAttribute('placeholder'), /is_overdue\(.*\) give\?/)
    const offers = await question.locator('.monaco-list-row .quick-input-list-row:first-child .label-name').allInnerTexts()
    assert.deepEqual(offers.slice(2), ['Neither', 'Something else…'])
    second = offers[1]
    assert.deepEqual(offers.slice(0, 2).sort(), ['False', 'True'])
    await recorder.shot('vscode-question')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await preview(/^Repair 2 of 2: /)
    await page.keyboard.press('Alt+N')
    await preview(/^Repair 1 of 2: /)
    await page.keyboard.press('Alt+Backspace')
    await tab(/^test_dates\.py/)
    assert.match(source('orders/dates.py'), /return today == due/)
  })
  await step('what is right in one\'s own words: asked again while it is no answer, then it decides', async () => {
    await bulb('Answer: write what is_overdue(')
    const box = page.locator('.quick-input-widget').filter({ hasText: /What should is_overdue\(.*\) give\?/ })
    await box.waitFor()
    await page.keyboard.type('perhaps')
    await page.keyboard.press('Enter')
    await box.filter({ hasText: '\'perhaps\' is no answer' }).waitFor()
    assert.equal(await page.locator('.notification-toast').count(), 0)
    await recorder.shot('vscode-answer')
    await page.keyboard.press('Control+A')
    await page.keyboard.type(second)
    await page.keyboard.press('Enter')
    await preview(/^Repair 2 of 2: /)
    await page.keyboard.press('Alt+Backspace')
    await tab(/^test_dates\.py/)
    assert.match(source('orders/dates.py'), /return today == due/)
  })
  await step('a server that is killed while it repairs takes its progress along, is started again, and works', async () => {
    await workbench.openFile('tests/test_order.py', lineOf('tests/test_order.py', `def ${INITIALS}`) + 1)
    await page.locator('.squiggly-error').first().waitFor()
    await workbench.command('Darner: Repair Failing Test')
    await workbench.notification(`Repair ${INITIALS}`).waitFor()
    const killed = workbench.servers()
    assert.ok(killed.length > 0)
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    await workbench.notification(`Repair ${INITIALS}`).waitFor({ state: 'detached' })
    await until(() => workbench.servers().some((pid) => !killed.includes(pid)))
    await workbench.openFile('tests/test_prices.py', 11)
    await until(() => workbench.log('Darner.log').split('the server is running').length > 2)
    await workbench.command('Darner: Run All Tests')
    await page.locator('.squiggly-error').first().waitFor()
    assert.deepEqual(await squiggles(), [11])
  })
  await step('a cancelled repair changes nothing, and the next one works: this one is the model\'s', async () => {
    const before = source('orders/customer.py')
    await workbench.openFile('tests/test_order.py', lineOf('tests/test_order.py', `def ${INITIALS}`) + 1)
    await page.locator('.squiggly-error').first().waitFor()
    await workbench.command('Darner: Repair Failing Test')
    await workbench.notification(`Repair ${INITIALS}`).getByRole('button', { name: 'Cancel' }).click()
    await workbench.notification(`Repair ${INITIALS}`).waitFor({ state: 'detached' })
    await workbench.command('Darner: Repair Failing Test')
    await preview(/^Repair 1 of .*passes test_initials_of_a_customer; 79 of 79 others still pass/)
    assert.equal(source('orders/customer.py'), before)
    await page.keyboard.press('Alt+Backspace')
    await tab(/^test_order\.py/)
  })
  await step('a parameter that was taken back leaves the tree, though it was red', async () => {
    const [two, many] = [row('[2]'), row('[many]')]
    await workbench.openFile('tests/test_importer.py', 9)
    for (const name of ['tests/test_importer.py', 'test_a_quantity_that_is_none']) {
      await row(name).click()
      await page.keyboard.press('ArrowRight')
    }
    await many.waitFor()
    await saveLine('test_importer.py', 9, '@pytest.mark.parametrize("text", ["", "2", "1.5"])')
    await row('[2]', 'Failed').waitFor()
    await many.waitFor({ state: 'detached' })
    assert.deepEqual(await offered(two), OFFERED)
    await saveLine('test_importer.py', 9, '@pytest.mark.parametrize("text", ["", "many", "1.5"])')
    await many.waitFor()
    await two.waitFor({ state: 'detached' })
  })
  await step('the language status names the model and where it runs', async () => {
    await page.getByRole('button', { name: /Editor Language Status/ }).first().click()
    await page.locator('.monaco-hover, .hover-language-status').filter({ hasText: 'qwen2.5-coder-0.5b, CPU' }).first().waitFor()
    await page.keyboard.press('Escape')
  })
  await step('activation is measured', async () => {
    console.log(`    activation: ${await workbench.activation()} ms`)
  })
}

/** The light bulb's menu by its key, and one of its entries. */
async function bulb(entry) {
  const rows = page.locator('.action-widget .monaco-list-row')
  const row = rows.filter({ hasText: entry })
  const seen = () => row.waitFor({ timeout: 5_000 }).then(() => true, () => false)
  for (let tries = 0; tries < 40; tries += 1) {
    await page.keyboard.press('Control+.') // says "no code actions" while the server has not answered yet
    if (await seen()) break
  }
  const focused = row.and(page.locator('.focused'))
  for (let at = await rows.count(); at > 0 && (await focused.count()) === 0; at -= 1) await page.keyboard.press('ArrowDown')
  await focused.waitFor()
  await page.keyboard.press('Enter')
}

/** It is there, and takes keys: those pressed before go to whatever had the focus. */
async function preview(title) {
  await tab(title)
  await page.locator('.monaco-diff-editor .editor.modified .monaco-editor.focused').first().waitFor()
  await page.locator('.editor-actions .action-label[aria-label*="Apply"]').first().waitFor()
}

async function tab(title) {
  await page.locator('.tab.active').filter({ hasText: title }).waitFor()
}

async function focus(name, line) {
  await page.keyboard.press('Control+1')
  await tab(name)
  await workbench.goTo(line)
}

async function saveLine(name, line, text) {
  await focus(name, line)
  await page.keyboard.press('Shift+End')
  await page.keyboard.insertText(text)
  await page.keyboard.press('Control+S')
}

/** A row of the Testing view, by what it says to a screen reader. */
function row(name, state = '') {
  const rows = page.locator(`.test-explorer .monaco-list-row[aria-label*="${name}"]`)
  return (state === '' ? rows : rows.and(page.locator(`[aria-label*="${state}"]`))).first()
}

async function hidePanel() {
  const panel = page.locator('.part.panel')
  if (await panel.isVisible()) await page.keyboard.press('Control+J')
  await panel.waitFor({ state: 'hidden' })
}

/** Which commands of this extension the context menu of a row has. */
async function offered(row) {
  await row.click({ button: 'right' })
  const labels = page.locator('.monaco-menu .action-label')
  await labels.filter({ hasText: /^Go to Test$/ }).waitFor()
  const found = (await labels.allInnerTexts()).filter((text) => OFFERED.includes(text))
  await page.keyboard.press('Escape')
  await labels.first().waitFor({ state: 'detached' })
  return found
}

/** An entry of a row's context menu, which takes no click in its first moments. */
async function choose(row, text) {
  await row.click({ button: 'right' })
  const entry = page.locator('.monaco-menu .action-label').filter({ hasText: text })
  const gone = () => entry.waitFor({ state: 'detached', timeout: 2_000 }).then(() => true, () => false)
  for (let tries = 0; tries < 40; tries += 1) {
    await entry.click()
    if (await gone()) break
  }
  await entry.waitFor({ state: 'detached' })
}

/** The numbers of the lines that carry an error's squiggle, as they are seen. */
function squiggles() {
  return page.evaluate(() => {
    const middle = (element) => { const { top, height } = element.getBoundingClientRect(); return top + height / 2 }
    const numbers = [...document.querySelectorAll('.editor-instance .line-numbers')]
    return [...document.querySelectorAll('.editor-instance .squiggly-error')].map((squiggle) => {
      const near = numbers.filter((number) => Math.abs(middle(number) - middle(squiggle)) < 6)
      return Number(near[0]?.textContent ?? -1)
    })
  })
}

function source(path) {
  return readFileSync(join(folder, path), 'utf8')
}

function lineOf(path, text) {
  return source(path).split('\n').findIndex((line) => line.includes(text)) + 1
}

try {
  await beginning()
  if (!smoke) await main()
} catch (error) {
  await page.screenshot({ path: join(tmpdir(), 'darner-vscode-failed.png') })
  console.error(workbench.log('Darner.log').split('\n').slice(-20).join('\n'))
  console.error(`FAILED; ${join(tmpdir(), 'darner-vscode-failed.png')} shows the window`)
  throw error
} finally {
  await workbench.close()
  rmSync(join(folder, '..'), { recursive: true, force: true })
}
if (!smoke) {
  await withoutPython(vsix, SETTINGS)
  await environments(vsix, SETTINGS)
  await newcomer(vsix)
}
console.log(`the ${smoke ? 'beginning of the' : 'whole'} story in ${((Date.now() - began) / 1000).toFixed(0)} s`)
