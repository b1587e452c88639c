// Screenshots, and a recording of what the window showed, as a GIF: waits are cut short, so that it stays small.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const LONGEST_S = 0.35
const SHORTEST_S = 0.3
const LAST_S = 2.5
const WAIT_S = 1

export class Recorder {
  #page
  #folder
  #frames = []
  #session
  #waiting = 0

  /** Without a folder nothing is kept. */
  constructor(page, folder) {
    this.#page = page
    this.#folder = folder
    if (folder) mkdirSync(folder, { recursive: true })
  }

  async shot(name) {
    if (!this.#folder) return
    const raw = join(this.#folder, `${name}.raw.png`)
    const path = join(this.#folder, `${name}.png`)
    await this.#page.mouse.move(640, 795)
    await this.#page.screenshot({ path: raw })
    ffmpeg('-i', raw, '-vf', 'split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse=dither=none', path)
    rmSync(raw)
    console.log(`    ${path}: ${statSync(path).size.toLocaleString('en')} bytes`)
  }

  async start() {
    if (!this.#folder) return
    this.#session = await this.#page.context().newCDPSession(this.#page)
    this.#session.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
      if (this.#waiting === 0 || Date.now() - this.#waiting < WAIT_S * 1000) this.#frames.push({ at: metadata.timestamp, data })
      void this.#session.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined)
    })
    await this.#session.send('Page.startScreencast', { format: 'png' })
  }

  /** Of a long wait only the beginning is kept. */
  async through(wait) {
    this.#waiting = Date.now()
    await wait
    this.#waiting = 0
  }

  async stop(name) {
    if (!this.#folder) return
    await this.#session.send('Page.stopScreencast')
    const work = mkdtempSync(join(tmpdir(), 'darner-frames-'))
    const kept = this.#frames.filter((frame, i, all) => i === 0 || i === all.length - 1 || all[i + 1].at - frame.at > SHORTEST_S)
    const lines = kept.flatMap(({ at, data }, i) => {
      const path = join(work, `${i}.png`)
      writeFileSync(path, Buffer.from(data, 'base64'))
      const next = kept[i + 1]
      const seconds = next ? Math.min(LONGEST_S, Math.max(SHORTEST_S, next.at - at)) : LAST_S
      return [`file '${path}'`, `duration ${seconds.toFixed(2)}`]
    })
    writeFileSync(join(work, 'list.txt'), `${lines.join('\n')}\n${lines.at(-2)}\n`)
    const path = join(this.#folder, `${name}.gif`)
    const filter = 'fps=4,scale=960:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=48[p];[b][p]paletteuse=dither=none:diff_mode=rectangle'
    ffmpeg('-f', 'concat', '-safe', '0', '-i', join(work, 'list.txt'), '-vf', filter, path)
    rmSync(work, { recursive: true })
    console.log(`    ${path}: ${statSync(path).size.toLocaleString('en')} bytes, ${kept.length} frames`)
  }
}

function ffmpeg(...words) {
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...words], { stdio: 'inherit' })
}
