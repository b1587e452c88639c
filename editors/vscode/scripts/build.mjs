// One file, minified: what activation has to read. `--watch` while developing.
import * as esbuild from 'esbuild'

const options = {
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  mainFields: ['module', 'main'],
  conditions: ['node'],
  metafile: true,
  legalComments: 'none',
}
if (process.argv.includes('--watch')) await (await esbuild.context(options)).watch()
else await esbuild.build(options)
