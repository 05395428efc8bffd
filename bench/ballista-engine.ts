/** Our engine, in this process or on a cluster. Between runs it keeps footers and plans nothing ahead; decoded columns are released with each run. */
import type { Batch } from '../src/arrow/batch.js'
import { releaseBatch } from '../src/arrow/column.js'
import { SessionContext } from '../src/session/context.js'
import { given } from '../src/session/dataframe.js'
import { targetPartitions } from '../src/session/options.js'
import { registerDataFiles } from '../tpch/data-files.js'
import { batchCells } from '../tpch/run.js'
import { ownVersions } from './machine.js'
import type { Engine, EngineOptions } from './engine.js'

export async function openBallista({ files, threads, settings, url }: EngineOptions): Promise<Engine> {
  const ctx =
    url === undefined
      ? new SessionContext({ settings: { [targetPartitions.key]: String(threads), ...settings } })
      : await SessionContext.remote(url, { settings })
  await registerDataFiles(ctx, files)
  return {
    version: ownVersions().ballista,
    async run(statements) {
      let held: Batch[] = []
      const release = (): void => held.splice(0).forEach(releaseBatch)
      try {
        for (const statement of statements) {
          const { batches } = await (await ctx.sql(statement)).execute()
          const own: Batch[] = []
          for await (const batch of batches) own.push(batch)
          if (own.length > 0) release()
          held = own.length > 0 ? own : held
        }
      } catch (error) {
        release()
        throw error
      }
      const rowCount = held.reduce((sum, batch) => sum + batch.rowCount, 0)
      return { rowCount, rows: () => held.flatMap(batchCells), release }
    },
    async drain(statements) {
      let rowCount = 0
      for (const statement of statements) {
        const { batches } = await (await ctx.sql(statement)).execute()
        for await (const batch of given(batches)) rowCount += batch.rowCount
      }
      return rowCount
    },
    close: () => ctx.close(),
  }
}
