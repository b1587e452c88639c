// Two files, minified: what activation has to read, and the language client, which is read when the server starts.
// `--watch` while developing.
import * as esbuild from 'esbuild'

const options = {
  entryPoints: ['src/extension.ts', 'src/client.ts'],
  outdir: 'dist',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode', './client.js'],
  supported: { 'dynamic-import': false }, // a `require` that is run later
  mainFields: ['module', 'main'],
  conditions: ['node'],
  metafile: true,
  legalComments: 'none',
}
if (process.argv.includes('--watch')) await (await esbuild.context(options)).watch()
else await esbuild.build(options)
