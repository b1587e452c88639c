// A real workbench: VS Code's own server and interface in a headless Chromium, with an empty profile.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

export const ROOT = join(import.meta.dirname, '..', '..', '..')
const BIN = join(ROOT, '.venv', 'bin')
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME, '.cache'), 'darner', 'vscode-test')
const CODE = join(CACHE, 'node_modules', 'code-server', 'lib', 'vscode')
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** For a machine that is busy with other things: every wait ends on an event, and this late at the latest. */
export const PATIENCE = Number(process.env.PATIENCE ?? 240_000)

export function missing() {
  if (!existsSync(join(CODE, '.ready'))) return `the workbench is not installed in ${CACHE}`
  return existsSync(CHROMIUM) ? '' : `there is no ${CHROMIUM}`
}

/** An editor with an empty profile on one folder. `settings` are the user's; without `path` nothing of ours is on PATH. */
export async function open({ extensions, settings, folder, path = BIN, variables = {} }) {
  const home = mkdtempSync(join(tmpdir(), 'darner-vscode-'))
  const places = ['--extensions-dir', join(home, 'extensions'), '--server-data-dir', join(home, 'data'), '--accept-server-license-terms']
  const main = join(CODE, 'out', 'server-main.js')
  mkdirSync(join(home, 'data', 'data', 'Machine'), { recursive: true })
  writeFileSync(join(home, 'data', 'data', 'Machine', 'settings.json'), JSON.stringify(settings))
  for (const vsix of extensions) execFileSync(process.execPath, [main, ...places, '--install-extension', vsix], { stdio: 'ignore' })
  const port = await freePort()
  const env = { ...process.env, PATH: path ? [path, process.env.PATH].join(delimiter) : process.env.PATH, XDG_STATE_HOME: join(home, 'state'), ...variables }
  const words = ['--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--telemetry-level', 'off']
  const server = spawn(process.execPath, [main, ...places, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const stopped = () => { // it is a group of its own, which no Ctrl-C reaches
    process.kill(-server.pid, 'SIGTERM')
    rmSync(home, { recursive: true, force: true })
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stopped)
  server.once('exit', () => { for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stopped) })
  await listening(server)
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.setDefaultTimeout(PATIENCE)
  await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`)
  return new Workbench(home, server, browser, page)
}

/** Ends when the workbench's server says so; a line may come in two parts. */
async function listening(server) {
  let said = ''
  await new Promise((resolve, reject) => {
    const gone = (why) => reject(new Error(`the workbench's server ${why}; it said: ${said}`))
    const timer = setTimeout(() => {
      gone(`did not listen within ${PATIENCE / 1000} s`)
      process.kill(-server.pid, 'SIGTERM')
    }, PATIENCE)
    server.once('exit', (code) => {
      clearTimeout(timer)
      gone(`ended with ${code}`)
    })
    const heard = (text) => {
      said = (said + text).slice(-5_000)
      if (!said.includes('Extension host agent listening')) return
      clearTimeout(timer)
      resolve()
    }
    for (const stream of [server.stdout, server.stderr]) stream.on('data', heard)
  })
}

export class Workbench {
  constructor(home, server, browser, page) {
    Object.assign(this, { home, server, browser, page })
  }

  async close() {
    await this.browser.close()
    process.kill(-this.server.pid, 'SIGTERM')
    await new Promise((resolve) => (this.server.exitCode === null ? this.server.once('exit', resolve) : resolve()))
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  async trust() {
    await this.page.getByRole('button', { name: 'Yes, I trust the authors' }).click()
  }

  /** A command by its title, typed as a user would. */
  async command(title) {
    await this.page.keyboard.press('F1')
    await this.pick(`>${title}`, title.replace(/^.*: /, ''))
  }

  async openFile(name, line = 1) {
    await this.page.keyboard.press('Control+P')
    await this.pick(`${name}:${line}`, new RegExp(`^\\s*${name.split('/').at(-1)}`)) // not `test_` of that name
    await this.page.locator('.tab.active').filter({ hasText: new RegExp(`^\\s*${name.split('/').at(-1)}`) }).waitFor()
  }

  async goTo(line) {
    await this.page.keyboard.press('Control+G')
    await this.pick(`:${line}`, `Go to line ${line}`)
  }

  /** Type into the open quick input, and accept the first row once it is the expected one. */
  async pick(typed, expected) {
    const widget = this.page.locator('.quick-input-widget')
    await widget.locator('input').first().fill(typed)
    await widget.locator('.monaco-list-row').first().filter({ hasText: expected }).waitFor()
    await this.page.keyboard.press('Enter')
    await widget.waitFor({ state: 'hidden' })
  }

  /** Milliseconds that loading and activating the extension took, as VS Code itself counts them. */
  async activation() {
    await this.command('Developer: Show Running Extensions')
    const row = this.page.locator('.runtime-extensions-editor .monaco-list-row').filter({ hasText: 'Darner' }).first()
    await row.filter({ hasText: /Activation: \d+ms/ }).waitFor()
    return Number(/Activation: (\d+)ms/.exec(await row.innerText())[1])
  }

  notification(text) {
    return this.page.locator('.notification-toast').filter({ hasText: text })
  }

  /** What a log of this window holds so far. */
  log(name) {
    const folder = join(this.home, 'data', 'data', 'logs')
    const found = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(name))
    return found.map((path) => readFileSync(join(folder, path), 'utf8')).join('')
  }

  /** The pids of the language server's processes that belong to this workbench. */
  servers() {
    const listed = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    const rows = listed.trim().split('\n').map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)).filter((row) => row)
    const parents = new Map(rows.map(([, pid, ppid]) => [Number(pid), Number(ppid)]))
    const ours = (pid) => pid > 1 && (pid === this.server.pid || ours(parents.get(pid) ?? 0))
    return rows.filter(([, pid, , args]) => args.includes('darner-lsp') && ours(Number(pid))).map(([, pid]) => Number(pid))
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** The example project with its history and uncommitted edit. */
export function project() {
  const folder = join(mkdtempSync(join(tmpdir(), 'darner-project-')), 'orders')
  execFileSync(join(BIN, 'python'), [join(ROOT, 'examples', 'make_history.py'), folder])
  return folder
}
