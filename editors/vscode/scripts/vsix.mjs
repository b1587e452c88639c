// The extension as one file, the same bytes from the same sources: bundle, the server's wheel, a bill of materials, vsce.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVSIX } from '@vscode/vsce'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const OUT = join(ROOT, 'build', 'vscode')
const LIMIT = 1_000_000
const EPOCH = '1704067200' // one fixed time for every entry of both archives
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))

process.env.SOURCE_DATE_EPOCH = EPOCH
process.umask(0o022)
execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
const wheel = buildWheel()
writeFileSync('sbom.cdx.json', `${JSON.stringify(sbom(wheel), undefined, 1)}\n`)
mkdirSync(OUT, { recursive: true })
const path = join(OUT, `darner-${version}.vsix`)
await createVSIX({ cwd: process.cwd(), dependencies: false, allowMissingRepository: true, packagePath: path })
report(path)

/** From a copy, without the network, so that nothing that lies about gets in. */
function buildWheel() {
  const source = mkdtempSync(join(tmpdir(), 'darner-wheel-'))
  for (const name of ['lsp', 'engine', 'sandbox', 'training', 'pyproject.toml', 'README.md', 'LICENSE']) {
    cpSync(join(ROOT, name), join(source, name), { recursive: true, filter: (path) => !path.includes('__pycache__') })
  }
  for (const old of readdirSync('server').filter((name) => name.endsWith('.whl'))) rmSync(join('server', old))
  const python = join(ROOT, '.venv', 'bin', 'python')
  const options = ['--no-deps', '--no-build-isolation', '--no-index', '--quiet', '--wheel-dir', 'server']
  execFileSync(python, ['-m', 'pip', 'wheel', ...options, source], { stdio: ['ignore', 'inherit', 'pipe'] })
  rmSync(source, { recursive: true })
  cpSync(join(ROOT, 'constraints.txt'), join('server', 'constraints.txt'))
  return join('server', readdirSync('server').find((name) => name.endsWith('.whl')))
}

/** CycloneDX: what npm put into the bundle, and the wheel. Without npm's serial number and time, which change. */
function sbom(wheel) {
  const printed = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const { serialNumber, metadata, components, ...rest } = JSON.parse(printed)
  const hashes = [{ alg: 'SHA-256', content: sha256(wheel) }]
  const server = { type: 'library', name: 'darner', version, purl: `pkg:pypi/darner@${version}`, hashes, licenses: [{ license: { id: 'Apache-2.0' } }] }
  return { ...rest, metadata: { component: metadata.component }, components: [...components, server] }
}

function report(path) {
  const { size } = statSync(path)
  const server = statSync(wheel).size + statSync(join('server', 'constraints.txt')).size
  console.log(`${path}: ${size.toLocaleString('en')} bytes, ${server.toLocaleString('en')} of them (unpacked) are the server's; sha256 ${sha256(path)}`)
  if (size > LIMIT) throw new Error(`the .vsix is larger than ${LIMIT} bytes`)
}

function sha256(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
