/** The table `stdin`: rows that another program pipes in, as an Arrow IPC stream or as CSV. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { releaseBatch } from '../arrow/column.js'
import { encodeBatch } from '../arrow/frame.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { nextToken } from '../parser/scan.js'
import type { SessionContext } from '../session/context.js'

/** An Arrow IPC stream starts with this continuation marker. */
const IPC_MARKER = Buffer.from([0xff, 0xff, 0xff, 0xff])

/** Whether a script names the table `stdin` outside strings and comments. */
export function readsStdin(sql: string): boolean {
  for (let token = nextToken(sql, 0); token !== undefined; token = nextToken(sql, token.end)) {
    if (token.kind === 'word' && sql.slice(token.start, token.end).toLowerCase() === 'stdin') return true
  }
  return false
}

/** Reads all of `input` and registers it as table `stdin`. FILE_INVALID if it is neither Arrow nor CSV. */
export async function registerStdin(ctx: SessionContext, input: AsyncIterable<Uint8Array>): Promise<void> {
  const chunks = input[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < IPC_MARKER.length) {
    const { value, done } = await chunks.next()
    if (done === true) break
    head = Buffer.concat([head, value])
  }
  const whole = restOf(head, chunks)
  if (head.subarray(0, IPC_MARKER.length).equals(IPC_MARKER)) await registerArrow(ctx, whole)
  else await registerCsv(ctx, whole)
}

async function* restOf(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
}

async function registerArrow(ctx: SessionContext, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { readIpcStream } = await import('../arrow/arrow-js.js')
  const { schema, batches } = await readIpcStream(bytes, 'stdin')
  const encoded: EncodedBatch[] = []
  for await (const batch of batches()) {
    encoded.push({ bytes: encodeBatch(batch), rowCount: batch.rowCount })
    releaseBatch(batch)
  }
  ctx.registerMemory('stdin', schema, encoded)
}

/** By way of a temporary file, because types are inferred before rows are read; the rows are then held in memory. */
async function registerCsv(ctx: SessionContext, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ballista-stdin-'))
  try {
    const path = join(directory, 'stdin.csv')
    const file = await open(path, 'wx')
    try {
      for await (const chunk of bytes) await file.write(chunk)
    } finally {
      await file.close()
    }
    await ctx.registerCsv('stdin', path)
    await ctx.sql('CREATE OR REPLACE TABLE stdin AS SELECT * FROM stdin')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
