// The Neovim plugin is formatted as StyLua formats it. `--write` formats; without it, says what differs and fails.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as stylua from '@johnnymorganz/stylua'

const PLUGIN = join(import.meta.dirname, '..', '..', 'nvim')
const SETTINGS = [...readFileSync(join(PLUGIN, '.stylua.toml'), 'utf8').matchAll(/^(\w+) = "?(\w+)"?$/gm)]
const write = process.argv.includes('--write')
const names = readdirSync(PLUGIN, { recursive: true }).filter((name) => name.endsWith('.lua')).sort()
const differing = names.filter((name) => {
  const path = join(PLUGIN, name)
  const before = readFileSync(path, 'utf8')
  const after = stylua.formatCode(before, config(), undefined, stylua.OutputVerification.Full)
  if (write) writeFileSync(path, after)
  return before !== after
})
for (const name of differing) console.log(`${write ? 'formatted' : 'not as StyLua formats it'}: editors/nvim/${name}`)
process.exitCode = differing.length > 0 && !write ? 1 : 0

/** Another one for every file: formatting consumes it. */
function config() {
  const made = stylua.Config.new()
  for (const [, key, value] of SETTINGS) {
    if (key === 'column_width' || key === 'indent_width') made[key] = Number(value)
    else if (key === 'indent_type') made.indent_type = stylua.IndentType[value]
    else if (key === 'quote_style') made.quote_style = stylua.QuoteStyle[value]
    else throw new Error(`.stylua.toml: this script does not know ${key}`)
  }
  return made
}
