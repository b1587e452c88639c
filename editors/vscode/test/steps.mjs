// A story is steps; each is named, timed, and ends on something that happened.
import assert from 'node:assert/strict'

import { PATIENCE } from './workbench.mjs'

export async function step(name, work) {
  const start = Date.now()
  await work()
  console.log(`ok  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`)
}

export async function until(condition) {
  const end = Date.now() + PATIENCE
  while (!condition()) {
    assert.ok(Date.now() < end, `waited for ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
