// How long VS Code waits for the extension to be loaded and activated, in an empty profile each time.
//
//     node test/activation.mjs VSIX [TIMES]
import { cpus, loadavg } from 'node:os'
import { dirname } from 'node:path'
import { rmSync } from 'node:fs'

import { missing, open, project } from './workbench.mjs'

const BAR_MS = 150
const [vsix, times = '5'] = process.argv.slice(2)
const problem = missing()
if (problem) throw new Error(problem)
const found = []
for (let run = 0; run < Number(times); run += 1) {
  const folder = project()
  const workbench = await open({ extensions: [vsix], settings: { 'workbench.startupEditor': 'none' }, folder })
  try {
    await workbench.trust()
    await workbench.openFile('tests/test_prices.py')
    found.push(await workbench.activation())
  } finally {
    await workbench.close()
    rmSync(dirname(folder), { recursive: true, force: true })
  }
}
found.sort((a, b) => a - b)
const worst = found.at(-1)
const verdict = worst <= BAR_MS ? 'ok' : 'MISSED'
console.log(`activation: median ${found[Math.floor(found.length / 2)]} ms, worst ${worst} ms of ${found.length} (bar ${BAR_MS}) ${verdict}; ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`)
process.exitCode = worst <= BAR_MS ? 0 : 1
