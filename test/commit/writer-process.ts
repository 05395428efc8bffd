/** A process that writes into a directory until it is killed: `node writer-process.js <directory> <mode>`; says each count that was acknowledged. */
import { SessionContext } from '../../src/session/context.js'

const [, , directory = '', mode = 'append'] = process.argv
const ctx = new SessionContext({ settings: { 'ballista.execution.target_partitions': '3' } })
process.stdout.write('ready\n')
for (let round = 0; ; round++) {
  const rows = Array.from({ length: 300 }, (_, i) => ({ round, part: i % 3, i }))
  // The key is the round: a process that takes up the work of this one writes none twice.
  const options = {
    mode: mode === 'append' ? 'append' : 'overwrite',
    partitionBy: ['part'],
    idempotencyKey: `${mode} ${round}`,
  } as const
  await ctx.fromRows(rows).writeParquet(directory, options)
  process.stdout.write(`${round}\n`)
}
