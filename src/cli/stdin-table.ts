/** The table `stdin`: rows that another program pipes in, as an Arrow IPC stream or as CSV. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nextToken } from '../parser/scan.js'
import type { SessionContext } from '../session/context.js'

/** An Arrow IPC stream starts with this continuation marker. */
const IPC_MARKER = Buffer.from([0xff, 0xff, 0xff, 0xff])

/** How often a script names the table `stdin` outside strings and comments. */
export function stdinMentions(sql: string): number {
  let count = 0
  for (let token = nextToken(sql, 0); token !== undefined; token = nextToken(sql, token.end)) {
    if (token.kind === 'word' && sql.slice(token.start, token.end).toLowerCase() === 'stdin') count++
  }
  return count
}

export interface StdinUse {
  /** How often the table is named: what is read once need not be kept. */
  readonly mentions: number
  /** Whether tasks run in this process. */
  readonly isLocal: boolean
}

/**
 * Registers `input` as table `stdin`; to be called again when the last query has ended. An Arrow stream that is read once is
 * read while the query runs. What else is read in this process goes to a temporary file first (types of CSV are inferred before
 * rows are read), and for a cluster into memory. FILE_INVALID if it is neither Arrow nor CSV.
 */
export async function registerStdin(
  ctx: SessionContext,
  input: AsyncIterable<Uint8Array>,
  { mentions, isLocal }: StdinUse,
): Promise<() => Promise<void>> {
  const chunks = input[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < IPC_MARKER.length) {
    const { value, done } = await chunks.next()
    if (done === true) break
    head = Buffer.concat([head, value])
  }
  const whole = restOf(head, chunks)
  const isArrow = head.subarray(0, IPC_MARKER.length).equals(IPC_MARKER)
  if (isArrow && isLocal && mentions === 1) return registerStream(ctx, whole)
  const file = await spool(whole, isArrow ? 'arrows' : 'csv')
  try {
    await (isArrow ? ctx.registerArrow('stdin', file.path) : ctx.registerCsv('stdin', file.path))
    if (isLocal) return file.remove
    await ctx.sql('CREATE OR REPLACE TABLE stdin AS SELECT * FROM stdin')
  } catch (error) {
    await file.remove()
    throw error
  }
  await file.remove()
  return () => Promise.resolve()
}

async function* restOf(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  } finally {
    await chunks.return?.()
  }
}

async function registerStream(ctx: SessionContext, bytes: AsyncIterable<Uint8Array>): Promise<() => Promise<void>> {
  const { readRecordBatches } = await import('../arrow/arrow-js.js')
  const { schema, batches } = await readRecordBatches(bytes, 'stdin')
  ctx.registerStream('stdin', batches, schema)
  return () => Promise.resolve()
}

/** A temporary file with the bytes. */
async function spool(
  bytes: AsyncIterable<Uint8Array>,
  ending: string,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'ballista-stdin-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const path = join(directory, `stdin.${ending}`)
    const file = await open(path, 'wx')
    try {
      for await (const chunk of bytes) await file.write(chunk)
    } finally {
      await file.close()
    }
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
