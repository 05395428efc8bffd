/** DuckDB in this process, over the same files as views. Its footers stay cached between runs, as ours do. */
import { duckDbViews } from '../tpch/data-files.js'
import { openDuckDb } from '../tpch/duckdb.js'
import type { Engine, EngineOptions } from './engine.js'

export async function openDuckDbEngine({ files, threads }: EngineOptions): Promise<Engine> {
  const duckDb = await openDuckDb(threads)
  await duckDb.run(duckDbViews(files))
  return {
    version: duckDb.version.replace(/^v/, ''),
    run: async statements => ({ ...(await duckDb.read(statements)), release: () => undefined }),
    drain: statements => duckDb.drain(statements),
    async close() {
      duckDb.close()
    },
  }
}
