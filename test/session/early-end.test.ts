/** How much is read before the first rows come, and when a LIMIT needs no more: bytes, counted by this process. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { linkedLineitem, type LinkedTable } from '../helpers/linked-table.js'

const FILES = 200
let table: LinkedTable | undefined

test.before(async () => {
  table = await linkedLineitem(FILES)
})

test.after.always(() => table?.remove())

/** Runs `body` on a session with the table; the bytes that it read of table files. */
async function bytesOf(
  t: ExecutionContext,
  open: () => Promise<SessionContext>,
  body: (ctx: SessionContext) => Promise<void>,
): Promise<number> {
  const ctx = await open()
  let before = 0
  try {
    await ctx.registerParquet('lineitem', linked().directory)
    // The footers are read by now.
    before = ioStats().bytesRead
    await body(ctx)
  } finally {
    await ctx.close()
  }
  t.is(bytesInUse(), 0)
  const { bytesRead, openFiles } = ioStats()
  t.is(openFiles, 0)
  return bytesRead - before
}

function linked(): LinkedTable {
  if (table === undefined) throw new Error('the table was not made')
  return table
}

const MODES: Readonly<Record<string, { readonly tasks: number; open(): Promise<SessionContext> }>> = {
  'one task': {
    tasks: 1,
    open: async () => new SessionContext({ settings: { 'ballista.execution.target_partitions': '1' } }),
  },
  'two tasks': {
    tasks: 2,
    open: async () => new SessionContext({ settings: { 'ballista.execution.target_partitions': '2' } }),
  },
  standalone: { tasks: 2, open: () => SessionContext.standalone() },
}

for (const [mode, { tasks, open }] of Object.entries(MODES)) {
  const file = (): number => linked().bytes / FILES

  test.serial(
    `${mode}: LIMIT 10 reads little more than one row group a task, and one column if it needs one`,
    async t => {
      const rows = async (ctx: SessionContext, sql: string, count: number): Promise<void> => {
        t.is((await (await ctx.sql(sql)).rows()).length, count)
      }
      const all = await bytesOf(t, open, ctx => rows(ctx, 'SELECT * FROM lineitem LIMIT 10', 10))
      t.true(all > 0 && all <= (tasks + 0.5) * file(), `${all} bytes of files of ${file()}`)
      const one = await bytesOf(t, open, ctx => rows(ctx, 'SELECT l_quantity FROM lineitem LIMIT 10', 10))
      t.true(one > 0 && one < 0.1 * tasks * file(), `${one} bytes of files of ${file()}`)
      const filtered = 'SELECT l_quantity FROM lineitem WHERE l_quantity > 49 LIMIT 10'
      const some = await bytesOf(t, open, ctx => rows(ctx, filtered, 10))
      t.true(some > 0 && some < 0.1 * tasks * file(), `${some} bytes of files of ${file()}`)
    },
  )

  test.serial(
    `${mode}: the first batch comes after less than 5 % of the input, and leaving stops the scan`,
    async t => {
      const read = await bytesOf(t, open, async ctx => {
        for await (const batch of (await ctx.sql('SELECT * FROM lineitem')).stream()) {
          t.true(batch.numRows > 0)
          break
        }
      })
      t.true(read > 0 && read < 0.05 * linked().bytes, `${read} of ${linked().bytes} bytes`)
    },
  )
}
