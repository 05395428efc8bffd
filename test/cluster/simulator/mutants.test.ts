/**
 * The simulator finds bugs that are put in on purpose: each is a module of a copy of the build, which passes calls on to the
 * original and does one thing wrong. Some seed breaks a promise, and says which.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const DIST = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = 'test/cluster/simulator/main.js'
/** Enough for each of the bugs; most show within a few. */
const SEEDS = 1_000

interface Bug {
  readonly what: string
  /** By module, its code; `ORIGINAL` is the module that it stands for. */
  readonly modules: Readonly<Record<string, string>>
  readonly shows: RegExp
}

/** Every 30th frame is lost, and the connection stays. */
const LOSES_FRAMES = `
  import { Watch as Original } from 'ORIGINAL'
  let frames = 0
  export class Watch extends Original {
    copies(call, message) {
      return 'frame' in message && ++frames % 30 === 0 ? 0 : super.copies(call, message)
    }
  }`

const BUGS: readonly Bug[] = [
  {
    what: 'a scheduler that ignores the loss of executors',
    modules: {
      'cluster/scheduler/job-state': `
        export * from 'ORIGINAL'
        import { stepJob as original } from 'ORIGINAL'
        export const stepJob = (state, event) =>
          event.kind === 'executorLost' ? { state, effects: [] } : original(state, event)`,
    },
    shows: /still waits|in the end: |NETWORK|CANCELLED/,
  },
  {
    what: 'a network that loses a frame without breaking the connection',
    modules: { 'cluster/simulator/watch': LOSES_FRAMES },
    // The next frame shows it, or the totals at the end; or both ends wait, where the lost frame was all that the credit allowed.
    shows: /PROTOCOL|DATA_CORRUPTION|still waits/,
  },
  {
    what: 'a lost frame, and ends of the channel that check neither order nor totals',
    modules: {
      'cluster/simulator/watch': LOSES_FRAMES,
      'exchange/channel-state': `
        export * from 'ORIGINAL'
        import { stepReceiver as receiver, stepSender as sender } from 'ORIGINAL'
        export const stepReceiver = (state, event) => {
          if (event.kind === 'frame')
            return receiver(state, { ...event, frame: { ...event.frame, seq: state.received.frames } })
          return receiver(state, event.kind === 'eos' ? { ...event, totals: state.received } : event)
        }
        export const stepSender = (state, event) =>
          sender(state, event.kind === 'bye' ? { ...event, batches: state.sent.batches, rows: state.sent.rows } : event)`,
    },
    shows: /\d+ of \d+ rows|came once too often|still waits/,
  },
  {
    what: 'a receiver that gives more credit than its window',
    modules: {
      'exchange/channel-state': `
        export * from 'ORIGINAL'
        import { stepReceiver as original } from 'ORIGINAL'
        export const stepReceiver = (state, event) => {
          const step = original(state, event)
          const effects = step.effects.map(effect =>
            effect.kind === 'sendCredit' ? { ...effect, creditBytes: effect.creditBytes + 3 * state.windowBytes } : effect)
          return { ...step, effects }
        }`,
    },
    shows: /bytes are on their way|without credit|PROTOCOL/,
  },
  {
    what: 'a client that keeps the rows of an attempt that failed',
    modules: {
      'exchange/remote-query': `
        export * from 'ORIGINAL'
        import { clusterClient as original } from 'ORIGINAL'
        export const clusterClient = options => {
          const client = original(options)
          return {
            submit: query => client.submit(query.onRestart === undefined ? query : { ...query, onRestart() {} }),
            close: () => client.close(),
          }
        }`,
    },
    shows: /came once too often/,
  },
  {
    what: 'an executor that keeps the buffers of cancelled jobs',
    modules: {
      'exchange/exchange-hub': `
        export * from 'ORIGINAL'
        import { ExchangeHub as Original } from 'ORIGINAL'
        export class ExchangeHub extends Original {
          async closeJob(jobId, reason) {
            if (reason?.code !== 'CANCELLED') await super.closeJob(jobId, reason)
          }
        }`,
    },
    // Buffers without a byte in them still wait for their consumers.
    shows: /in the end: |still waits|timers of executor-\d after the end/,
  },
  {
    what: 'an executor that lets its tasks run when it has lost its scheduler',
    modules: {
      'cluster/executor/executor-jobs': `
        import { ExecutorJobs as Original } from 'ORIGINAL'
        export class ExecutorJobs extends Original {
          async endAll(reason) {
            if (!reason.message.includes('lost its scheduler')) await super.endAll(reason)
          }
        }`,
    },
    shows: /in the end: |still waits/,
  },
]

/** A copy of the build (of links) with these modules in place of others. */
function buildWith(modules: Bug['modules']): string {
  mkdirSync(join(DIST, 'mutants'), { recursive: true })
  const copy = mkdtempSync(join(DIST, 'mutants', 'simulator-'))
  for (const file of readdirSync(join(DIST, 'src'), { recursive: true, encoding: 'utf8', withFileTypes: true })) {
    const path = join(file.parentPath, file.name)
    const target = join(copy, path.slice(DIST.length))
    if (file.isDirectory()) mkdirSync(target, { recursive: true })
    else if (!/\.(?:d\.ts|map)$/.test(file.name)) {
      mkdirSync(dirname(target), { recursive: true })
      linkSync(path, target)
    }
  }
  mkdirSync(join(copy, dirname(MAIN)), { recursive: true })
  linkSync(join(DIST, MAIN), join(copy, MAIN))
  for (const [module, code] of Object.entries(modules)) {
    const path = join(copy, 'src', module)
    renameSync(`${path}.js`, `${path}.original.js`)
    writeFileSync(`${path}.js`, code.replaceAll('ORIGINAL', `./${basename(path)}.original.js`))
  }
  return copy
}

for (const { what, modules, shows } of BUGS) {
  test.serial(`it finds ${what}`, async t => {
    const copy = buildWith(modules)
    try {
      const run = `import(${JSON.stringify(`file://${join(copy, MAIN)}`)}).then(({ main }) =>
        main(['--count', '${SEEDS}', '--until-failure'], {})).then(code => (process.exitCode = code))`
      const child = spawn(process.execPath, ['-e', run], { stdio: ['ignore', 'pipe', 'pipe'] })
      const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      t.is(child.exitCode, 1, complaint)
      t.regex(output, shows)
      t.log(output.split('\n', 2).join(' '))
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
}
